/** One agent, made or changed. What is wrong the server says, and it stands beside the field. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { type Agent, api, body, Refusal } from "../api/client";
import { queries } from "../api/queries";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Loading, Trouble } from "../parts/states";
import { words } from "../words";

const NEW = "new";

export function AgentPage() {
  const { agentId } = useParams({ from: "/shell/agents/$agentId" });
  const agent = useQuery({ ...queries.agent(agentId), enabled: agentId !== NEW });
  if (agent.isError) return <Trouble error={agent.error} retry={() => void agent.refetch()} />;
  if (agentId !== NEW && agent.isPending) return <Loading />;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto grid w-full max-w-3xl gap-5 px-5 py-8">
        <Link to="/agents" className="text-sm text-soft hover:text-ink">
          ← {words.agents.back}
        </Link>
        <Form key={agentId} agent={agent.data ?? null} />
      </div>
    </div>
  );
}

function Form({ agent }: { agent: Agent | null }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [refs, setRefs] = useState(agent?.capabilities?.map(({ ref }) => ref) ?? []);
  const save = useMutation({
    mutationFn: async (form: FormData) => {
      const given = fieldsOf(form, refs, agent);
      if (agent === null) return body(await api.POST("/api/v1/agents", { body: given }));
      return body(await api.PATCH("/api/v1/agents/{agent}", { params: { path: { agent: agent.id } }, body: given }));
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: ["agents"] });
      client.setQueryData(queries.agent(saved.id).queryKey, saved);
      await navigate({ to: "/agents/$agentId", params: { agentId: saved.id } });
    },
  });
  const problems = save.error instanceof Refusal ? save.error.fields : {};
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(new FormData(event.currentTarget));
  };
  return (
    <form onSubmit={submit} className="grid gap-5">
      <div className="flex flex-wrap items-center gap-3">
        <h1 className="text-2xl font-semibold tracking-tight">
          {agent === null ? words.agents.create : (agent.display_name ?? agent.name)}
        </h1>
        <span className="ml-auto flex items-center gap-2">
          {save.isSuccess && <output className="text-sm text-good">{words.agents.saved}</output>}
          {agent !== null && <Further agent={agent} />}
          <Button look="main" type="submit" disabled={save.isPending}>
            {words.agents.save}
          </Button>
        </span>
      </div>
      {save.isError && (
        <p role="alert" className="text-sm text-bad">
          {save.error.message}
        </p>
      )}
      <div className="grid gap-5 sm:grid-cols-2">
        <Field label={words.agents.name} hint={words.agents.nameHint} problem={problems.name}>
          <input
            name="name"
            required
            defaultValue={agent?.name ?? words.agents.starter.name}
            className="field font-mono text-sm"
          />
        </Field>
        <Field label={words.agents.displayName} problem={problems.display_name}>
          <input name="display_name" defaultValue={agent?.display_name ?? ""} className="field" />
        </Field>
      </div>
      <Field label={words.agents.description} problem={problems.description}>
        <input name="description" defaultValue={agent?.description ?? ""} className="field" />
      </Field>
      <Field label={words.agents.prompt} problem={problems.system_prompt}>
        <textarea
          name="system_prompt"
          rows={8}
          defaultValue={agent?.system_prompt ?? words.agents.starter.prompt}
          className="field font-mono text-sm"
        />
      </Field>
      <Field label={words.agents.model} problem={problems.default_model_id}>
        <ModelPick value={agent?.default_model_id ?? ""} />
      </Field>
      <Capabilities chosen={refs} onChange={setRefs} />
    </form>
  );
}

/** Return what the form says. An empty text stays unsaid when it never was there. */
function fieldsOf(form: FormData, refs: string[], agent: Agent | null) {
  const text = (name: string) => String(form.get(name) ?? "");
  const kept = new Map(agent?.capabilities?.map((capability) => [capability.ref, capability]));
  const said = (name: "display_name" | "description") =>
    text(name) !== "" || agent?.[name] ? { [name]: text(name) } : {};
  return {
    name: text("name"),
    system_prompt: text("system_prompt"),
    capabilities: refs.map((ref) => kept.get(ref) ?? { ref }),
    ...said("display_name"),
    ...said("description"),
    ...(text("default_model_id") && { default_model_id: text("default_model_id") }),
  };
}

function ModelPick({ value }: { value: string }) {
  const models = useQuery(queries.models);
  return (
    <select key={models.isSuccess ? "there" : "coming"} name="default_model_id" defaultValue={value} className="field">
      <option value="">{words.agents.serverModel}</option>
      {models.data?.data.map((model) => (
        <option key={model.id} value={model.id}>
          {model.display_name} · {model.provider_name}
        </option>
      ))}
    </select>
  );
}

function Capabilities({ chosen, onChange }: { chosen: string[]; onChange: (refs: string[]) => void }) {
  const there = useQuery(queries.capabilities);
  const toggle = (id: string) => onChange(chosen.includes(id) ? chosen.filter((ref) => ref !== id) : [...chosen, id]);
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-sm">{words.agents.capabilities}</legend>
      {there.data?.data.map((capability) => (
        <label
          key={capability.id}
          className="flex gap-3 rounded-xl border border-line bg-raised p-3 has-checked:border-accent"
        >
          <input
            type="checkbox"
            checked={chosen.includes(capability.id)}
            onChange={() => toggle(capability.id)}
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

function Further({ agent }: { agent: Agent }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const archive = useMutation({
    mutationFn: () => api.DELETE("/api/v1/agents/{agent}", { params: { path: { agent: agent.id } } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["agents"] });
      await navigate({ to: "/agents" });
    },
  });
  return (
    <>
      <Button look="bad" disabled={archive.isPending} onClick={() => archive.mutate()}>
        {words.agents.archive}
      </Button>
      <Button onClick={() => void navigate({ to: "/", search: { agent: agent.id } })}>{words.agents.chat}</Button>
    </>
  );
}
