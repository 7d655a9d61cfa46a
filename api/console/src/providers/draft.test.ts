import { expect, test } from "vitest";
import { changesOf, type Driver, draftOf, type Provider, problemsOf } from "./draft";
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
const CLOUD: Driver = {
  driver: "bedrock",
  display_name: "Amazon Bedrock",
  supports_oauth: false,
  credential_schema: {
    instructions_markdown: "",
    fields: [
      { name: "region", label: "Region", field_type: "text", required: true, placeholder: "eu-central-1" },
      { name: "access_key_id", label: "Access key ID", field_type: "text", required: false, placeholder: null },
      { name: "secret_access_key", label: "Secret", field_type: "password", required: false, placeholder: null },
      { name: "api_key", label: "API key", field_type: "password", required: false, placeholder: null },
    ],
  },
};
const KEPT = {
  name: "Amazon",
  base_url: null,
  credentials: { region: "eu-central-1" },
  limits: { concurrent: 8, requests_per_minute: null, tokens_per_minute: null },
} as unknown as Provider;
const AS_KEPT = { name: "Amazon", region: "eu-central-1", concurrent: "8" };

function form(fields: Record<string, string>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.set(name, value);
  return made;
}

test("what was left empty is not given, and what the schema does not know is not sent", () => {
  const draft = draftOf(form({ name: " Work ", api_key: " sk-1 ", base_url: "", other: "x" }), DRIVER);
  expect(draft).toEqual({ name: "Work", provider_type: "openai", credentials: { api_key: "sk-1" } });
});

test("limits are numbers, and those that were left empty are none", () => {
  const draft = draftOf(
    form({ name: "Work", concurrent: " 8 ", requests_per_minute: "", tokens_per_minute: "0" }),
    DRIVER,
  );
  expect(draft.limits).toEqual({ concurrent: 8, tokens_per_minute: 0 });
});

test.each([
  [{}, {}],
  [{ name: "Work" }, { name: "Work" }],
  [{ region: "eu-west-1" }, { credentials: { region: "eu-west-1" } }],
  [
    { access_key_id: "AKIA", secret_access_key: "s" },
    { credentials: { access_key_id: "AKIA", secret_access_key: "s" } },
  ],
  [{ tokens_per_minute: "900" }, { limits: { concurrent: 8, tokens_per_minute: 900 } }],
  [{ concurrent: "" }, { limits: {} }],
])("of a provider that is filled in with %o, %o is changed", (given, changes) => {
  expect(changesOf(form({ ...AS_KEPT, ...given }), CLOUD, KEPT)).toEqual(changes);
});

test("an address is changed alone", () => {
  const there = { ...KEPT, credentials: {}, base_url: "https://x", limits: {} };
  expect(changesOf(form({ name: "Amazon", api_key: "", base_url: "https://x" }), DRIVER, there)).toEqual({});
  expect(changesOf(form({ name: "Amazon", api_key: "", base_url: "https://y" }), DRIVER, there)).toEqual({
    base_url: "https://y",
  });
});

test.each([
  ["provider_misconfigured", {}, { api_key: "No." }],
  ["provider_unavailable", {}, { base_url: "No." }],
  ["provider_exists", {}, { name: "No." }],
  ["overloaded", {}, { "": "No." }],
  ["invalid_input", { "credentials.api_key": "Too long." }, { api_key: "Too long." }],
  ["invalid_input", { "limits.concurrent": "Too few." }, { concurrent: "Too few." }],
  ["invalid_input", { trace: "Neither.", name: "Empty." }, { "": "Neither.", name: "Empty." }],
])("%s with %o is said at %o", (code, fields, said) => {
  expect(problemsOf({ code, message: "No.", fields }, DRIVER)).toEqual(said);
});

test("a field that the form does not have takes no message away", () => {
  expect(problemsOf({ code: "provider_unavailable", message: "No.", fields: {} }, CLOUD)).toEqual({ "": "No." });
});

test("which of several secrets is refused nobody knows", () => {
  expect(problemsOf({ code: "provider_misconfigured", message: "No.", fields: {} }, CLOUD)).toEqual({ "": "No." });
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
