/** Providers: the server's own and the organisation's. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api, body, type Schemas } from "../api/client";
import { Button } from "../parts/button";
import { Page, Refused, Row } from "../parts/page";
import { Loading, Trouble } from "../parts/states";
import { Sure } from "../parts/sure";
import { ProviderChange } from "../providers/change";
import { LIMITS, type Provider } from "../providers/draft";
import { ProviderForm } from "../providers/form";
import { providers, sync } from "../providers/queries";
import { say } from "../say";
import { words } from "../words";

export function Providers() {
  const all = useQuery(providers.all);
  const [isAdding, setAdding] = useState(false);
  const [fresh, setFresh] = useState<string | null>(null);
  const add = (
    <Button look="main" onClick={() => setAdding(!isAdding)} aria-expanded={isAdding}>
      {words.providers.create}
    </Button>
  );
  const made = (provider: Provider) => {
    setAdding(false);
    setFresh(provider.id);
  };
  return (
    <Page title={words.providers.title} subtitle={words.providers.subtitle} action={add}>
      {isAdding && <ProviderForm onMade={made} />}
      {all.isPending && <Loading />}
      {all.isError && <Trouble error={all.error} retry={() => void all.refetch()} />}
      <ul className="grid gap-3">
        {all.data?.map((provider) => (
          <OneProvider key={provider.id} provider={provider} isFresh={provider.id === fresh} />
        ))}
      </ul>
    </Page>
  );
}

function OneProvider({ provider, isFresh }: { provider: Provider; isFresh: boolean }) {
  const client = useQueryClient();
  const path = { params: { path: { provider_id: provider.id } } };
  /** Do one thing with it and say in a line what came of it. */
  const act = useMutation({
    gcTime: 0, // a new key may be among what it was given
    mutationFn: (work: () => Promise<string>) => work(),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: ["providers"] });
      await client.invalidateQueries({ queryKey: ["models"] });
    },
  });
  const [isOpen, setOpen] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const change = (given: Schemas["ProviderPatch"]) => async () => {
    await api.PATCH("/api/v1/providers/{provider_id}", { ...path, body: given });
    return words.providers.saved;
  };
  const test = async () => {
    const trial = body(await api.POST("/api/v1/providers/{provider_id}/test", path));
    if (!trial.success) throw new Error(trial.error?.message ?? words.providers.failed);
    return words.providers.answers(trial.model_count ?? 0, say.duration(trial.latency_ms));
  };
  const read = async () => words.providers.listed(await sync(provider.id));
  const forget = async () => {
    await api.DELETE("/api/v1/providers/{provider_id}", path);
    return "";
  };
  const isOwn = provider.source === "predefined";
  const isActive = provider.status === "active";
  const turnLabel = isActive ? words.providers.disable : words.providers.enable;
  const called = (label: string) => words.of(label, provider.name);
  const turn = change({ status: isActive ? "disabled" : "active" });
  const toggle = () => {
    act.reset();
    setOpen(!isOpen);
  };
  const saved = () => {
    setOpen(false);
    opener.current?.focus();
  };
  const form = isOpen && (
    <ProviderChange
      provider={provider}
      error={act.error}
      isSaving={act.isPending}
      onSave={(given) => act.mutate(change(given), { onSuccess: saved })}
    />
  );
  return (
    <Row
      name={provider.name}
      note={
        <>
          <span className="block">{noteOf(provider)}</span>
          <output className="text-good">{act.data}</output>
          <Refused error={isOpen ? null : act.error} />
        </>
      }
      below={form}
    >
      {!isOwn && (
        <>
          <Button aria-label={called(words.providers.test)} disabled={act.isPending} onClick={() => act.mutate(test)}>
            {words.providers.test}
          </Button>
          <Button
            aria-label={called(words.providers.sync)}
            disabled={act.isPending}
            look={isFresh ? "main" : "plain"}
            onClick={() => act.mutate(read)}
          >
            {words.providers.sync}
          </Button>
        </>
      )}
      <Button aria-label={called(turnLabel)} disabled={act.isPending} onClick={() => act.mutate(turn)}>
        {turnLabel}
      </Button>
      {!isOwn && (
        <>
          <Button
            ref={opener}
            aria-expanded={isOpen}
            aria-label={words.providers.changeOf(provider.name)}
            onClick={toggle}
          >
            {words.providers.change}
          </Button>
          <Sure
            label={words.providers.remove}
            name={called(words.providers.remove)}
            sure={words.providers.sure}
            isBusy={act.isPending}
            onSure={() => act.mutate(forget)}
          />
        </>
      )}
    </Row>
  );
}

function noteOf(provider: Provider): string {
  const said = [
    provider.source === "predefined" ? words.providers.own : provider.provider_type,
    ...Object.values(provider.credentials ?? {}),
    provider.base_url,
    provider.api_key_set ? words.providers.keySet : words.providers.noKey,
    provider.last_synced_at && words.providers.synced(provider.last_synced_at),
    ...LIMITS.map((name) => provider.limits[name] && words.providers.limited[name](provider.limits[name])),
    provider.status === "disabled" && words.providers.disabled,
  ];
  return said.filter(Boolean).join(" · ");
}
