/** The whole conversation as Markdown, into a file of the browser's. */

import { api } from "../api/client";
import type { Message } from "../log/event";
import { markdownOf } from "../log/markdown";
import { saveFile } from "../parts/save";

export async function exportMarkdown(sessionId: string): Promise<void> {
  const reply = await api.GET("/api/v1/sessions/{session_id}/messages", {
    params: { path: { session_id: sessionId } },
  });
  const { data } = reply.data as unknown as { data: Message[] };
  saveFile(`${sessionId}.md`, new Blob([markdownOf(data)], { type: "text/markdown" }));
}
