/** What a form about a provider says, and where in it a refusal belongs. */

import type { Refusal, Schemas } from "../api/client";

export type Driver = Schemas["DriverReply"];

export interface Draft {
  name: string;
  provider_type: string;
  credentials: Record<string, string>;
}

/** Which field is to be looked at for a code of the server's. */
const FIELD_OF: Readonly<Record<string, string>> = {
  provider_misconfigured: "api_key",
  key_needed: "api_key",
  provider_unavailable: "base_url",
  invalid_base_url: "base_url",
  base_url_needed: "base_url",
  address_not_public: "base_url",
  provider_exists: "name",
};

/** Return what was filled in. A field that was left empty is not given: the type's own value stands. */
export function draftOf(form: FormData, driver: Driver): Draft {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const given = driver.credential_schema.fields.map(({ name }) => [name, text(name)] as const);
  return {
    name: text("name"),
    provider_type: driver.driver,
    credentials: Object.fromEntries(given.filter(([, value]) => value !== "")),
  };
}

/** Return what is wrong, by field; what belongs to none that the form has is under "". */
export function problemsOf(refusal: Pick<Refusal, "code" | "message" | "fields">, names: readonly string[]) {
  const found: Record<string, string> = {};
  for (const [field, message] of Object.entries(refusal.fields)) {
    const name = field.split(".").at(-1) ?? "";
    found[names.includes(name) ? name : ""] ??= message;
  }
  if (Object.keys(found).length > 0) return found;
  const field = FIELD_OF[refusal.code] ?? "";
  return { [names.includes(field) ? field : ""]: refusal.message };
}
