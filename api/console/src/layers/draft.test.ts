import { expect, test } from "vitest";
import { givenBy, type Layer, unshown } from "./draft";

const LAYER = {
  id: "agent_1",
  name: "poet",
  status: "active",
  created_at: "",
  updated_at: "",
  system_prompt: "Rhyme.",
  capabilities: [{ ref: "web", config: { depth: 2 } }],
  tags: ["art"],
  display_name: "Poet",
  max_iterations: null,
  initial_files: [],
} as unknown as Layer;

function form(fields: Record<string, string>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.set(name, value);
  return made;
}

test("a capability that stays keeps its config, and a new one has none", () => {
  const given = givenBy(form({ name: "poet", system_prompt: "Rhyme." }), ["time", "web"], LAYER);
  expect(given.capabilities).toEqual([{ ref: "time" }, { ref: "web", config: { depth: 2 } }]);
});

test("a text that was there is emptied, and one that never was stays unsaid", () => {
  const given = givenBy(form({ name: "poet", display_name: "", description: "" }), [], LAYER);
  expect(given).toEqual({ name: "poet", system_prompt: "", capabilities: [], display_name: "" });
});

test("a copy takes over what the form does not show, and nothing that is the original's own", () => {
  expect(unshown(LAYER)).toEqual({ tags: ["art"] });
  expect(unshown(null)).toEqual({});
});
