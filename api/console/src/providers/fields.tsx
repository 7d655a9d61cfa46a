/** The fields of a form about a provider: what lets one in, as its type says, and how much it is asked at most. */

import { Field } from "../parts/field";
import { words } from "../words";
import { type Driver, LIMITS, type Provider, shown } from "./draft";

interface Props {
  driver: Driver;
  /** What is changed; none while one is made. */
  provider?: Provider;
  /** What is wrong, by field. */
  problems: Readonly<Record<string, string>>;
}

export function ProviderFields({ driver, provider, problems }: Props) {
  const { fields, instructions_markdown: instructions } = driver.credential_schema;
  return (
    <>
      <p className="text-sm text-soft">{plain(instructions)}</p>
      <Field label={words.providers.name} hint={words.providers.nameHint} problem={problems.name}>
        <input name="name" required defaultValue={provider?.name ?? driver.display_name} className="field" />
      </Field>
      {fields.map((field) => (
        <Field key={field.name} label={field.label} problem={problems[field.name]}>
          <Credential field={field} provider={provider} />
        </Field>
      ))}
      <fieldset>
        <legend className="text-sm">
          {words.providers.limits} <span className="text-xs text-soft">{words.providers.limitsHint}</span>
        </legend>
        <div className="mt-2 grid gap-4 sm:grid-cols-3">
          {LIMITS.map((name) => (
            <Field key={name} label={words.providers.limitNames[name]} problem={problems[name]}>
              <input
                name={name}
                type="number"
                step="any" // what it may be the server says
                defaultValue={provider?.limits[name] ?? ""}
                className="field"
              />
            </Field>
          ))}
        </div>
      </fieldset>
      {problems[""] && (
        <p role="alert" className="text-sm text-bad">
          {problems[""]}
        </p>
      )}
    </>
  );
}

type Blank = Driver["credential_schema"]["fields"][number];

/** One of what lets one in. What is secret is never shown again, so it begins empty, and stays as it is if it is left so. */
function Credential({ field, provider }: { field: Blank; provider: Provider | undefined }) {
  const value = provider && shown(provider, field.name);
  const isSecret = field.field_type === "password";
  const kept = provider?.api_key_set && isSecret ? words.providers.kept : "";
  const given = {
    name: field.name,
    required: provider ? value !== undefined : field.required,
    placeholder: kept || (field.placeholder ?? ""),
    defaultValue: value ?? "",
    spellCheck: false,
    className: "field font-mono text-sm",
  };
  if (field.multiline) return <textarea rows={5} autoComplete="off" {...given} />;
  return <input type={field.field_type} autoComplete={isSecret ? "new-password" : "off"} {...given} />;
}

/** Instructions are a sentence or two; of Markdown they know only code. */
function plain(markdown: string): string {
  return markdown.replaceAll("`", "");
}
