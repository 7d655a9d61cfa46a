/** First run: who answers, a starter agent that is answered by it, and on to the conversation. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { api, body, Refusal } from "../api/client";
import { queries } from "../api/queries";
import { checkFree } from "../layers/free";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Page, Refused } from "../parts/page";
import { Loading } from "../parts/states";
import type { Provider } from "../providers/draft";
import { ProviderForm } from "../providers/form";
import { freeName } from "../providers/names";
import { sync } from "../providers/queries";
import { words } from "../words";

const route = getRouteApi("/shell/welcome");

export function Welcome() {
  const { simulated = false } = route.useSearch();
  const [provider, setProvider] = useState<Provider | null>(null);
  const navigate = useNavigate();
  const isAsking = provider === null && !simulated;
  return (
    <Page title={words.first.title} subtitle={words.first.subtitle}>
      <ol aria-label={words.first.steps} className="flex flex-wrap gap-4 text-sm text-soft">
        {[words.first.provider, words.first.agent, words.first.chat].map((step, at) => (
          <li
            key={step}
            aria-current={at === (isAsking ? 0 : 1) ? "step" : undefined}
            className="flex items-center gap-2 aria-[current=step]:font-medium aria-[current=step]:text-ink"
          >
            <span className="grid size-6 place-items-center rounded-full border border-line text-xs">{at + 1}</span>
            {step}
          </li>
        ))}
      </ol>
      {isAsking ? (
        <>
          <ProviderForm onMade={setProvider} />
          <p className="text-sm text-soft">
            {words.first.without}{" "}
            <button
              type="button"
              className="text-accent underline"
              onClick={() => void navigate({ to: "/welcome", search: { simulated: true } })}
            >
              {words.first.simulated}
            </button>
          </p>
        </>
      ) : (
        <Starter provider={provider} />
      )}
    </Page>
  );
}

/** The agent to begin with. A provider that lists no models is told one by its name. */
function Starter({ provider }: { provider: Provider | null }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const agents = useQuery(queries.agents(""));
  const listed = useQuery({
    queryKey: ["welcome", provider?.id],
    enabled: provider !== null,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const id = provider?.id ?? "";
      await sync(id);
      const path = { params: { path: { provider_id: id } }, signal };
      return body(await api.GET("/api/v1/providers/{provider_id}/models", path)).data;
    },
  });
  const added = useRef(new Map<string, string>()); // by name, where a try before this one got as far as that
  const modelCalled = async (providerId: string, name: string) => {
    const id = added.current.get(name) ?? (await addModel(providerId, name));
    added.current.set(name, id);
    return id;
  };
  const make = useMutation({
    mutationFn: async (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? "").trim();
      const starter = { name: text("name"), system_prompt: text("system_prompt") };
      await checkFree(starter.name);
      const model = text("model") || (provider && (await modelCalled(provider.id, text("model_name"))));
      return body(
        await api.POST("/api/v1/agents", { body: { ...starter, ...(model && { default_model_id: model }) } }),
      );
    },
    onSuccess: async (agent) => {
      void client.invalidateQueries({ queryKey: ["models"] });
      await client.invalidateQueries({ queryKey: ["agents"] });
      await navigate({ to: "/", search: { agent: agent.id } });
    },
  });
  if (agents.isPending || (provider !== null && listed.isPending)) return <Loading />;
  const problems = make.error instanceof Refusal ? make.error.fields : {};
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    make.mutate(new FormData(event.currentTarget));
  };
  return (
    <form onSubmit={submit} className="grid gap-4 rounded-xl border border-line bg-raised p-5">
      <Refused error={listed.error} />
      {provider === null ? (
        <p className="text-sm text-soft">{words.first.simulatedIs}</p>
      ) : listed.data?.length ? (
        <Field label={words.agents.model}>
          <select name="model" className="field">
            {listed.data.map((model) => (
              <option key={model.id} value={model.id}>
                {model.display_name}
              </option>
            ))}
          </select>
        </Field>
      ) : (
        <Field label={words.models.name} hint={words.models.nameHint}>
          <input name="model_name" required className="field font-mono text-sm" />
        </Field>
      )}
      <Field label={words.agents.name} hint={words.agents.nameHint} problem={problems.name}>
        <input
          name="name"
          required
          defaultValue={freeName(words.agents.starter.name, agents.data?.data ?? [])}
          className="field font-mono text-sm"
        />
      </Field>
      <Field label={words.agents.prompt} problem={problems.system_prompt}>
        <textarea
          name="system_prompt"
          rows={4}
          defaultValue={words.agents.starter.prompt}
          className="field font-mono text-sm"
        />
      </Field>
      <Refused error={make.error} />
      <Button look="main" type="submit" disabled={make.isPending} className="justify-self-start">
        {words.first.begin}
      </Button>
    </form>
  );
}

async function addModel(providerId: string, name: string): Promise<string> {
  const path = { params: { path: { provider_id: providerId } } };
  const given = { model_id: name, display_name: name };
  return body(await api.POST("/api/v1/providers/{provider_id}/models", { ...path, body: given })).id;
}
