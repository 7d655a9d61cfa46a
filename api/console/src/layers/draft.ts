/** What a form about an agent or a harness begins with, and what it says in the end. */

import type { Agent, Schemas } from "../api/client";

export type Harness = Schemas["HarnessReply"];
/** What agents and harnesses have in common. */
export type Layer = Omit<Agent, "harness_id">;
type Assigned = Layer["capabilities"];

export interface Given {
  name: string;
  system_prompt: string;
  capabilities?: NonNullable<Assigned>;
  display_name?: string;
  description?: string;
}

type Text = "name" | "system_prompt" | "display_name" | "description";

/** What is chosen among others, and is not taken back by choosing nothing: the server leaves that as it is. */
type Choice = "default_model_id" | "harness_id" | "parent_harness_id";
type Chosen<Name extends Choice> = { [Key in Name]?: string };

/** What a form does not show and a copy has all the same. */
const UNSHOWN = [
  "tags",
  "initial_files",
  "network_access",
  "tools",
  "fallback_models",
  "response_format",
  "parallel_tool_calls",
  "max_iterations",
  "mcpServers",
] as const;
type Unshown = Pick<Schemas["HarnessPatch"], (typeof UNSHOWN)[number]>;

/** Capabilities that somebody wants or does not want, whatever is assigned. */
export type Marks = ReadonlyMap<string, boolean>;

/** Return what is assigned once marks are made: what nobody marked is as it is by now. */
export function marked(before: Layer | null, marks: Marks): string[] {
  const refs = before?.capabilities?.map(({ ref }) => ref) ?? [];
  const added = [...marks].flatMap(([ref, isWanted]) => (isWanted && !refs.includes(ref) ? [ref] : []));
  return [...refs.filter((ref) => marks.get(ref) ?? true), ...added];
}

/** Return what the form says of something new. An empty text stays unsaid. */
export function givenBy(form: FormData, marks: Marks, original: Layer | null): Given {
  const { name, system_prompt, display_name, description } = textsOf(form);
  return {
    name,
    system_prompt,
    capabilities: assigned(original, marks),
    ...(display_name !== "" && { display_name }),
    ...(description !== "" && { description }),
  };
}

/** Return what the form changes: what nobody touched there is as it is by now. */
export function changedBy(form: FormData, marks: Marks, before: Layer): Partial<Given> {
  const texts = Object.entries(textsOf(form)) as [Text, string][];
  return {
    ...Object.fromEntries(texts.filter(([name, text]) => text !== shown(name, before[name] ?? ""))),
    ...(marks.size > 0 && { capabilities: assigned(before, marks) }),
  };
}

function textsOf(form: FormData): Record<Text, string> {
  const text = (name: Text) => String(form.get(name) ?? "");
  return {
    name: text("name"),
    system_prompt: text("system_prompt"),
    display_name: text("display_name"),
    description: text("description"),
  };
}

/** Return a text as a field has it that nobody touched: browsers take out line breaks, or make them one kind. */
function shown(name: Text, text: string): string {
  return name === "system_prompt" ? text.replaceAll(/\r\n?/g, "\n") : text.replaceAll(/[\r\n]/g, "");
}

function assigned(before: Layer | null, marks: Marks): NonNullable<Assigned> {
  const kept = new Map(before?.capabilities?.map((capability) => [capability.ref, capability]));
  return marked(before, marks).map((ref) => kept.get(ref) ?? { ref });
}

/** Return what was chosen and is something else than before; of something new, all that was chosen. */
export function chosenIn<Name extends Choice>(
  form: FormData,
  before: { [Key in Name]?: string | null },
  ...names: Name[]
): Chosen<Name> {
  const said = names.map((name) => [name, String(form.get(name) ?? "")] as const);
  const differing = said.filter(([name, value]) => value !== "" && value !== before[name]);
  return Object.fromEntries(differing) as Chosen<Name>;
}

const withoutHandles = (_: string, value: unknown) => (isHandle(value) ? undefined : value);

/** Whether something stands in the place of a secret (docs/secrets.md), which is good for its owner only. */
function isHandle(value: unknown): boolean {
  return typeof value === "object" && value !== null && "fingerprint" in value && "set" in value;
}

/** Return what a copy begins with: all but the secrets, and whether there were any. */
export function copied<L extends Layer>(original: L | null): { layer: L | null; lacksSecrets: boolean } {
  const whole = JSON.stringify(original);
  const open = JSON.stringify(original, withoutHandles);
  return { layer: JSON.parse(open) as L | null, lacksSecrets: open !== whole };
}

/** Return what a copy takes over unseen. */
export function unshown(layer: Layer | null): Unshown {
  if (layer === null) return {};
  const said = UNSHOWN.map((name) => [name, layer[name]] as const);
  const isThere = (value: unknown) => value != null && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(said.filter(([, value]) => isThere(value))) as Unshown;
}
