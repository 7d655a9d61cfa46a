/** An agent or a harness, made or changed. What is wrong the server says, and it stands beside the field. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Refusal } from "../api/client";
import { queries } from "../api/queries";
import { Button } from "../parts/button";
import { Choice } from "../parts/choice";
import { Field } from "../parts/field";
import { Refused } from "../parts/page";
import { TypedLine, TypedText } from "../parts/typed";
import { modelOf, offered } from "../settings/chain";
import { words } from "../words";
import { type Layer, type Marks, marked } from "./draft";

const UNMARKED: Marks = new Map();

interface Props {
  title: string;
  /** What the fields begin with. */
  layer: Layer | null;
  /** The name that a new one begins with. */
  name: string;
  save: (form: FormData, marks: Marks) => Promise<unknown>;
  /** What else can be done. */
  further?: ReactNode;
  /** A field for what it stands on. */
  base?: ReactNode;
  /** What is to be known of it before it is saved. */
  notice?: string | undefined;
  isNew?: boolean;
  isReadonly?: boolean;
}

export function LayerForm({
  title,
  layer,
  name,
  save,
  further,
  base,
  notice,
  isNew = false,
  isReadonly = false,
}: Props) {
  const [marks, setMarks] = useState(UNMARKED);
  const [wentOn, setWentOn] = useState(false);
  const saving = useMutation({
    mutationFn: ({ form, made }: Saving) => save(form, made),
    onSuccess: (_, { made }) => setMarks((now) => (now === made ? UNMARKED : now)),
  });
  const problems = saving.error instanceof Refusal ? saving.error.fields : {};
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setWentOn(false);
    saving.mutate({ form: new FormData(event.currentTarget), made: marks });
  };
  return (
    <form onSubmit={submit} onChange={() => setWentOn(true)} className="grid gap-5">
      <div className="flex flex-wrap items-center gap-3">
        <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
        <span className="ml-auto flex flex-wrap items-center gap-2">
          {saving.isSuccess && !wentOn && <output className="text-sm text-good">{words.agents.saved}</output>}
          {further}
          {!isReadonly && (
            <Button look="main" type="submit" disabled={saving.isPending}>
              {words.agents.save}
            </Button>
          )}
        </span>
      </div>
      {notice && <p className="text-sm text-warn">{notice}</p>}
      <Refused error={saving.error} />
      <fieldset disabled={isReadonly} className="grid gap-5">
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label={words.agents.name} hint={words.agents.nameHint} problem={problems.name}>
            <TypedLine name="name" required stored={name} className="field font-mono text-sm" />
          </Field>
          <Field label={words.agents.displayName} problem={problems.display_name}>
            <TypedLine name="display_name" stored={layer?.display_name ?? ""} className="field" />
          </Field>
        </div>
        <Field label={words.agents.description} problem={problems.description}>
          <TypedLine name="description" stored={layer?.description ?? ""} className="field" />
        </Field>
        <Field label={words.agents.prompt} problem={problems.system_prompt}>
          <TypedText
            name="system_prompt"
            rows={8}
            stored={layer?.system_prompt ?? words.agents.starter.prompt}
            className="field font-mono text-sm"
          />
        </Field>
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label={words.agents.model} problem={problems.default_model_id}>
            <ModelPick value={layer?.default_model_id ?? ""} isNew={isNew} />
          </Field>
          {base}
        </div>
        <Capabilities
          chosen={marked(layer, marks)}
          onMark={(ref, isWanted) => setMarks(new Map(marks).set(ref, isWanted))}
        />
      </fieldset>
    </form>
  );
}

interface Saving {
  form: FormData;
  made: Marks;
}

/** A model, by its id or as whoever made the layer named it; once there is one, another one, but not none. */
function ModelPick({ value, isNew }: { value: string; isNew: boolean }) {
  const models = useQuery(queries.models).data?.data ?? [];
  const now = modelOf(value, models);
  return (
    <Choice
      name="default_model_id"
      value={value}
      nothing={isNew || value === "" ? words.agents.serverModel : undefined}
      options={offered(models, now).map((model) => ({
        value: model === now ? value : model.id,
        label: `${model.display_name} · ${model.provider_name}`,
      }))}
    />
  );
}

interface CapabilitiesProps {
  chosen: string[];
  onMark: (ref: string, isWanted: boolean) => void;
}

function Capabilities({ chosen, onMark }: CapabilitiesProps) {
  const there = useQuery(queries.capabilities);
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-sm">{words.agents.capabilities}</legend>
      <Refused error={there.error} />
      {there.data?.data.map((capability) => (
        <label
          key={capability.id}
          className="flex gap-3 rounded-xl border border-line bg-raised p-3 has-checked:border-accent"
        >
          <input
            type="checkbox"
            checked={chosen.includes(capability.id)}
            onChange={(event) => onMark(capability.id, event.target.checked)}
            className="mt-1 accent-(--accent)"
          />
          <span>
            <span className="text-sm font-medium">{capability.name}</span>
            <span className="block text-sm text-soft">{capability.description}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
