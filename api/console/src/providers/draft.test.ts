import { expect, test } from "vitest";
import { type Driver, draftOf, problemsOf } from "./draft";
import { freeName } from "./names";

const DRIVER: Driver = {
  driver: "openai",
  display_name: "OpenAI",
  supports_oauth: false,
  credential_schema: {
    instructions_markdown: "",
    fields: [
      { name: "api_key", label: "API key", field_type: "password", required: true, placeholder: null },
      { name: "base_url", label: "Base URL", field_type: "url", required: false, placeholder: "https://x" },
    ],
  },
};
const NAMES = ["name", "api_key", "base_url"];

function form(fields: Record<string, string>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.set(name, value);
  return made;
}

test("what was left empty is not given, and what the schema does not know is not sent", () => {
  const draft = draftOf(form({ name: " Work ", api_key: " sk-1 ", base_url: "", other: "x" }), DRIVER);
  expect(draft).toEqual({ name: "Work", provider_type: "openai", credentials: { api_key: "sk-1" } });
});

test.each([
  ["provider_misconfigured", {}, { api_key: "No." }],
  ["provider_unavailable", {}, { base_url: "No." }],
  ["provider_exists", {}, { name: "No." }],
  ["overloaded", {}, { "": "No." }],
  ["invalid_input", { "credentials.api_key": "Too long." }, { api_key: "Too long." }],
  ["invalid_input", { trace: "Neither.", name: "Empty." }, { "": "Neither.", name: "Empty." }],
])("%s with %o is said at %o", (code, fields, said) => {
  expect(problemsOf({ code, message: "No.", fields }, NAMES)).toEqual(said);
});

test("a field that the form does not have takes no message away", () => {
  expect(problemsOf({ code: "provider_unavailable", message: "No.", fields: {} }, ["name"])).toEqual({ "": "No." });
});

test.each([
  [[], "a"],
  [["b"], "a"],
  [["a"], "a-2"],
  [["a-2", "a", "a-4"], "a-3"],
])("beside %o a new one is %s", (taken, name) => {
  expect(
    freeName(
      "a",
      taken.map((name) => ({ name })),
    ),
  ).toBe(name);
});
