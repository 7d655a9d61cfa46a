import { expect, test } from "vitest";
import { changedBy, chosenIn, copied, givenBy, type Layer, marked, unshown } from "./draft";

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
  const fields = form({ name: "poet", system_prompt: "Rhyme.", display_name: "Poet" });
  const capabilities = [{ ref: "web", config: { depth: 2 } }, { ref: "time" }];
  expect(changedBy(fields, new Map([["time", true]]), LAYER)).toEqual({ capabilities });
});

test("capabilities that nobody marked are as they are by now, and unsaid where none is marked", () => {
  const meanwhile = { ...LAYER, display_name: null, capabilities: [{ ref: "files" }] } as unknown as Layer;
  const fields = form({ name: "poet", system_prompt: "Rhyme." });
  expect(marked(meanwhile, new Map([["time", true]]))).toEqual(["files", "time"]);
  expect(marked(meanwhile, new Map([["files", false]]))).toEqual([]);
  expect(changedBy(fields, new Map(), meanwhile)).toEqual({});
  const given = { name: "poet", system_prompt: "Rhyme.", capabilities: [{ ref: "files" }] };
  expect(givenBy(fields, new Map(), meanwhile)).toEqual(given);
});

test("a text that was there is emptied, and one that never was stays unsaid", () => {
  const given = changedBy(form({ name: "poet", display_name: "", description: "" }), new Map(), LAYER);
  expect(given).toEqual({ system_prompt: "", display_name: "" });
});

test("a text that nobody touched is unsaid, whatever a browser makes of its line breaks", () => {
  const before = { ...LAYER, system_prompt: "Rhyme.\r\nAlways.", description: "Of\nold." } as Layer;
  const fields = { name: "bard", system_prompt: "Rhyme.\nAlways.", display_name: "Poet", description: "Of old." };
  expect(changedBy(form({ ...fields, description: "Ofold." }), new Map(), before)).toEqual({ name: "bard" });
  expect(changedBy(form({ ...fields, name: "poet" }), new Map(), before)).toEqual({ description: "Of old." });
});

test("a copy takes over what the form does not show, and nothing that is the original's own", () => {
  expect(unshown(LAYER)).toEqual({ tags: ["art"] });
  expect(unshown(null)).toEqual({});
});

test.each([
  ["what was chosen anew", { default_model_id: "model_2", harness_id: "harness_1" }, { default_model_id: "model_2" }],
  ["nothing where nobody touched it", { default_model_id: "llmsim:sim-echo", harness_id: "harness_1" }, {}],
  ["nothing where nothing is chosen", { default_model_id: "", harness_id: "" }, {}],
])("a change says %s", (_, fields, said) => {
  const before = { default_model_id: "llmsim:sim-echo", harness_id: "harness_1" };
  expect(chosenIn(form(fields), before, "default_model_id", "harness_id")).toEqual(said);
});

test("something new says all that was chosen, and what had none says the first one", () => {
  const fields = form({ default_model_id: "model_1", parent_harness_id: "" });
  expect(chosenIn(fields, {}, "default_model_id", "parent_harness_id")).toEqual({ default_model_id: "model_1" });
  expect(chosenIn(fields, { default_model_id: null }, "default_model_id")).toEqual({ default_model_id: "model_1" });
});

test("a copy has no secret's place, for the secret stays with the original", () => {
  const handle = { set: true, fingerprint: "ab12" };
  const layer = {
    ...LAYER,
    capabilities: [{ ref: "web", config: { depth: 2, key: handle } }],
    mcpServers: { forge: { url: "https://forge.example", headers: { "X-Team": handle }, authorization: handle } },
  } as unknown as Layer;
  const copy = copied(layer);
  expect(copy.lacksSecrets).toBe(true);
  expect(copy.layer?.capabilities).toEqual([{ ref: "web", config: { depth: 2 } }]);
  expect(copy.layer?.mcpServers).toEqual({ forge: { url: "https://forge.example", headers: {} } });
  expect(copied(LAYER)).toEqual({ layer: LAYER, lacksSecrets: false });
  expect(copied(null)).toEqual({ layer: null, lacksSecrets: false });
});
