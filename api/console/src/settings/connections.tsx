/** One's own accounts elsewhere: which there are. A key goes in and never comes back out. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api } from "../api/client";
import { Button } from "../parts/button";
import { clearField } from "../parts/clear";
import { Field } from "../parts/field";
import { Page, Refused, Row } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { Sure } from "../parts/sure";
import { words } from "../words";
import { settings } from "./queries";

const said = words.settings.connections_;

export function Connections() {
  const client = useQueryClient();
  const connections = useQuery(settings.connections);
  const onSettled = () => client.invalidateQueries({ queryKey: settings.connections.queryKey });
  const set = useMutation({
    gcTime: 0, // what it was given is secret
    mutationFn: ({ provider, key }: { provider: string; key: string }) =>
      api.POST("/api/v1/user/connections/{provider}", { params: { path: { provider } }, body: { api_key: key } }),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: (provider: string) =>
      api.DELETE("/api/v1/user/connections/{provider}", { params: { path: { provider } } }),
    onSettled,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    const given = { provider: String(said.get("provider")).trim(), key: String(said.get("api_key")) };
    set.mutate(given, {
      onSuccess: () => {
        form.reset();
        set.reset(); // else the page remembers the key
      },
      onError: () => clearField(form, "api_key"),
    });
  };
  return (
    <Page title={words.settings.connections} subtitle={said.subtitle}>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-3" autoComplete="off">
        <Field label={said.provider} hint={said.providerHint}>
          <input name="provider" required spellCheck={false} className="field font-mono text-sm" />
        </Field>
        <Field label={said.key}>
          <input name="api_key" type="password" required autoComplete="new-password" className="field" />
        </Field>
        <Button look="main" type="submit" disabled={set.isPending} className="py-2.5">
          {said.set}
        </Button>
      </form>
      <Refused error={set.error ?? remove.error} />
      {connections.isPending && <Loading />}
      {connections.isError && <Trouble error={connections.error} retry={() => void connections.refetch()} />}
      {connections.data?.length === 0 && <Empty>{said.none}</Empty>}
      <ul className="grid gap-3">
        {connections.data?.map(({ provider, fingerprint, connected_at: at }) => (
          <Row
            key={provider}
            name={<span className="font-mono">{provider}</span>}
            note={<span className="font-mono wrap-anywhere">{said.note(fingerprint, at)}</span>}
          >
            <Sure label={said.remove(provider)} sure={words.providers.sure} onSure={() => remove.mutate(provider)} />
          </Row>
        ))}
      </ul>
    </Page>
  );
}
