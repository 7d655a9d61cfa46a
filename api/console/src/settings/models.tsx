/** Models: which are favourites, which are out of use, and which answers where nobody chose. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useDeferredValue, useState } from "react";
import { api, type Model } from "../api/client";
import { queries } from "../api/queries";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Icon } from "../parts/icons";
import { Page, Part, Refused } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { providers } from "../providers/queries";
import { words } from "../words";
import { modelOf, offered } from "./chain";
import { Fallbacks } from "./fallbacks";
import { settings } from "./queries";

export function Models() {
  const models = useQuery(queries.models);
  const organization = useQuery(settings.organization);
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const shown = models.data?.data.filter((model) => textOf(model).includes(wanted));
  return (
    <Page title={words.models.title} subtitle={words.models.subtitle}>
      {models.isPending && <Loading />}
      {models.isError && <Trouble error={models.error} retry={() => void models.refetch()} />}
      {organization.isLoadingError && <Trouble error={organization.error} retry={() => void organization.refetch()} />}
      {models.data && (
        <>
          <Default models={models.data.data} />
          <Fallbacks models={models.data.data} />
        </>
      )}
      <input
        type="search"
        aria-label={words.models.search}
        placeholder={words.models.search}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        className="field"
      />
      {shown?.length === 0 && <Empty>{words.models.none}</Empty>}
      {shown !== undefined && shown.length > 0 && <Table models={shown} />}
      <ByHand />
    </Page>
  );
}

/** What is read of a model's profile (docs/wire.md, "Models and capabilities"); costs are per million tokens. */
interface Profile {
  limits?: { context?: number } | null;
  cost?: { input: number; output: number } | null;
}

function textOf(model: Model): string {
  return `${model.display_name} ${model.model_id} ${model.provider_name}`.toLowerCase();
}

/** Return what is known of a model: how much it reads, and what it costs. */
function factsOf(model: Model): string[] {
  const { limits, cost } = (model.profile ?? {}) as Profile;
  return [
    ...(limits?.context ? [words.models.context(limits.context)] : []),
    ...(cost ? [words.models.price(cost.input, cost.output)] : []),
  ];
}

function Default({ models }: { models: readonly Model[] }) {
  const client = useQueryClient();
  const organization = useQuery(settings.organization);
  const choose = useMutation({
    mutationFn: (model: string | null) =>
      api.PATCH("/api/v1/orgs/{org_id}", {
        params: { path: { org_id: organization.data?.id ?? "" } },
        body: { default_model_id: model },
      }),
    onSettled: () => client.invalidateQueries({ queryKey: settings.organization.queryKey }),
  });
  if (organization.data === undefined) return null;
  const now = organization.data.default_model_id;
  const named = modelOf(now, models);
  return (
    <Field label={words.models.byDefault} problem={choose.error?.message}>
      <select
        className="field"
        value={named?.id ?? now ?? ""}
        disabled={choose.isPending}
        onChange={(event) => choose.mutate(event.target.value || null)}
      >
        <option value="">{words.models.serverDefault}</option>
        {now !== null && named === undefined && <option value={now}>{now}</option>}
        {offered(models, named).map((model) => (
          <option key={model.id} value={model.id}>
            {model.display_name} · {model.provider_name}
          </option>
        ))}
      </select>
    </Field>
  );
}

const CELL = "px-3 py-2";

function Table({ models }: { models: readonly Model[] }) {
  const { columns } = words.models;
  return (
    <div className="overflow-x-auto rounded-xl border border-line bg-raised">
      <table className="w-full text-left text-sm">
        <thead className="text-xs text-soft">
          <tr>
            {[columns.favourite, columns.model, columns.provider, columns.enabled].map((name) => (
              <th key={name} scope="col" className={`${CELL} font-medium`}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <OneModel key={model.id} model={model} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function OneModel({ model }: { model: Model }) {
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (given: { is_favorite?: boolean; enabled?: boolean }) =>
      api.PATCH("/api/v1/models/{model}", { params: { path: { model: model.id } }, body: given }),
    // It is shown at once; if the server refuses, what comes anew says so.
    onMutate: (given) =>
      client.setQueryData(queries.models.queryKey, (page) => {
        const said = (one: Model) => (one.id === model.id ? { ...one, ...given } : one);
        return page && { ...page, data: page.data.map(said) };
      }),
    onSettled: () => client.invalidateQueries({ queryKey: ["models"] }),
  });
  const said = [model.model_id, ...factsOf(model), !model.healthy && words.models.unhealthy]
    .filter(Boolean)
    .join(" · ");
  return (
    <tr className="border-t border-line">
      <td className={CELL}>
        <button
          type="button"
          aria-pressed={model.is_favorite}
          aria-label={words.models.favourite(model.display_name)}
          onClick={() => change.mutate({ is_favorite: !model.is_favorite })}
          className="text-soft aria-pressed:text-accent aria-pressed:[&_path]:fill-current"
        >
          <Icon name="star" className="size-5" />
        </button>
      </td>
      <td className={CELL}>
        <span className="block font-medium">{model.display_name}</span>
        <span className="block font-mono text-xs text-soft">{said}</span>
        <Refused error={change.error} />
      </td>
      <td className={`${CELL} text-soft`}>{model.provider_name}</td>
      <td className={CELL}>
        <input
          type="checkbox"
          aria-label={words.models.enabled(model.display_name)}
          checked={model.enabled}
          onChange={(event) => change.mutate({ enabled: event.target.checked })}
          className="size-4 accent-(--accent)"
        />
      </td>
    </tr>
  );
}

/** For a provider that lists none, and for what it does not list. */
function ByHand() {
  const client = useQueryClient();
  const all = useQuery(providers.all);
  const add = useMutation({
    mutationFn: ({ provider, name }: { provider: string; name: string }) =>
      api.POST("/api/v1/providers/{provider_id}/models", {
        params: { path: { provider_id: provider } },
        body: { model_id: name, display_name: name },
      }),
    onSettled: () => client.invalidateQueries({ queryKey: ["models"] }),
  });
  if (all.isLoadingError) return <Trouble error={all.error} retry={() => void all.refetch()} />;
  const made = all.data?.filter(({ source }) => source === "manual") ?? [];
  if (made.length === 0) return null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    const given = { provider: String(said.get("provider")), name: String(said.get("name")).trim() };
    add.mutate(given, { onSuccess: () => form.reset() });
  };
  return (
    <Part title={words.models.addTo}>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
        <Field label={words.models.columns.provider}>
          <select name="provider" className="field">
            {made.map((provider) => (
              <option key={provider.id} value={provider.id}>
                {provider.name}
              </option>
            ))}
          </select>
        </Field>
        <Field label={words.models.name} hint={words.models.nameHint}>
          <input name="name" required className="field font-mono text-sm" />
        </Field>
        <Button type="submit" disabled={add.isPending} className="py-2.5">
          {words.models.add}
        </Button>
      </form>
      <Refused error={add.error} />
    </Part>
  );
}
