/** What a form about a provider says, and where in it a refusal belongs. */

import type { Refusal, Schemas } from "../api/client";

export type Driver = Schemas["DriverReply"];
export type Provider = Schemas["ProviderReply"];
export type Limits = Schemas["Limits"];
type Changes = Schemas["ProviderPatch"];

export interface Draft {
  name: string;
  provider_type: string;
  credentials: Record<string, string>;
  limits?: Limits;
}

export const LIMITS = ["concurrent", "requests_per_minute", "tokens_per_minute"] as const;

/** Codes of the server's that are about what is secret. */
const OF_SECRETS: ReadonlySet<string> = new Set(["provider_misconfigured", "key_needed"]);

/** Which field is to be looked at for another code. */
const FIELD_OF: Readonly<Record<string, string>> = {
  provider_unavailable: "base_url",
  invalid_base_url: "base_url",
  base_url_needed: "base_url",
  address_not_public: "base_url",
  provider_exists: "name",
};

/** Return what was filled in. A field that was left empty is not given: the type's own value stands. */
export function draftOf(form: FormData, driver: Driver): Draft {
  const limits = limitsOf(form);
  return {
    name: textOf(form, "name"),
    provider_type: driver.driver,
    credentials: given(form, driver),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

/** Return what was filled in of a form that began with a provider, as far as it is something else. */
export function changesOf(form: FormData, driver: Driver, provider: Provider): Changes {
  const name = textOf(form, "name");
  const { base_url: address, ...others } = given(form, driver);
  const credentials = Object.fromEntries(
    Object.entries(others).filter(([key, value]) => value !== shown(provider, key)),
  );
  const limits = limitsOf(form);
  return {
    ...(name !== provider.name && { name }),
    ...(address !== undefined && address !== shown(provider, "base_url") && { base_url: address }),
    ...(Object.keys(credentials).length > 0 && { credentials }),
    ...(LIMITS.some((limit) => (limits[limit] ?? null) !== (provider.limits[limit] ?? null)) && { limits }),
  };
}

/** Return what a field of the form begins with; undefined where what is kept is secret, or nothing. */
export function shown(provider: Provider, field: string): string | undefined {
  return (field === "base_url" ? provider.base_url : provider.credentials?.[field]) ?? undefined;
}

/** Return what is wrong, by field; what belongs to none that the form has is under "". */
export function problemsOf(refusal: Pick<Refusal, "code" | "message" | "fields">, driver: Driver) {
  const { fields } = driver.credential_schema;
  const names = ["name", ...fields.map(({ name }) => name), ...LIMITS];
  const found: Record<string, string> = {};
  for (const [field, message] of Object.entries(refusal.fields)) {
    const name = field.split(".").at(-1) ?? "";
    found[names.includes(name) ? name : ""] ??= message;
  }
  if (Object.keys(found).length > 0) return found;
  const secrets = fields.filter(({ field_type: type }) => type === "password");
  const secret = secrets.length === 1 ? secrets[0]?.name : undefined; // of several, nobody knows which is meant
  const field = (OF_SECRETS.has(refusal.code) ? secret : FIELD_OF[refusal.code]) ?? "";
  return { [names.includes(field) ? field : ""]: refusal.message };
}

function textOf(form: FormData, name: string): string {
  return String(form.get(name) ?? "").trim();
}

function given(form: FormData, driver: Driver): Record<string, string> {
  const fields = driver.credential_schema.fields.map(({ name }) => [name, textOf(form, name)] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== ""));
}

/** Return the limits that are given: one that was left empty is none. */
function limitsOf(form: FormData): Limits {
  const numbers = LIMITS.map((name) => [name, textOf(form, name)] as const).filter(([, text]) => text !== "");
  return Object.fromEntries(numbers.map(([name, text]) => [name, Number(text)]));
}
