import { expect, test } from "vitest";
import type { Message } from "./event";
import { markdownOf } from "./markdown";

const said = (role: string, text: string, metadata: Record<string, unknown> = {}): Message => ({
  id: "message_1",
  role,
  content: [{ type: "text", text }],
  created_at: "2026-01-01T00:00:00.000Z",
  metadata,
});

const PICTURE = { type: "image_file" as const, image_id: "img_1", filename: "cat.png" };

test("an exported conversation is what the two said, without results of tools and notes", () => {
  const messages = [
    { ...said("user", "Hello"), content: [...said("user", "Hello").content, PICTURE] },
    said("agent", ""),
    said("tool_result", "42"),
    said("agent", "It is **42**."),
    said("user", "cancelled", { source: "cancel" }),
  ];
  expect(markdownOf(messages)).toBe("## You\n\nHello\n\n[cat.png]\n\n## Agent\n\nIt is **42**.\n");
});
