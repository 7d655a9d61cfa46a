/** The secrets of a session: their names. A value goes in and never comes back out. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { api, body } from "../api/client";
import { Button } from "../parts/button";
import { clearField } from "../parts/clear";
import { Field } from "../parts/field";
import { Part, Refused, Row } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { Sure } from "../parts/sure";
import { words } from "../words";

export function Secrets() {
  const { sessionId } = useParams({ from: "/shell/sessions/$sessionId" });
  const client = useQueryClient();
  const queryKey = ["secrets", sessionId];
  const path = { session_id: sessionId };
  const onSettled = () => client.invalidateQueries({ queryKey });
  const secrets = useQuery({
    queryKey,
    queryFn: async ({ signal }) =>
      body(await api.GET("/api/v1/sessions/{session_id}/storage/secrets", { params: { path }, signal })).data,
  });
  const set = useMutation({
    gcTime: 0, // what it was given is secret
    mutationFn: (given: Record<string, string>) =>
      api.PUT("/api/v1/sessions/{session_id}/storage/secrets", { params: { path }, body: { secrets: given } }),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: (name: string) =>
      api.DELETE("/api/v1/sessions/{session_id}/storage/secrets/{name}", { params: { path: { ...path, name } } }),
    onSettled,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    const given = { [String(said.get("name")).trim()]: String(said.get("value")) };
    set.mutate(given, {
      onSuccess: () => {
        form.reset();
        set.reset();
      },
      onError: () => clearField(form, "value"),
    });
  };
  return (
    <div className="min-h-0 flex-1 overflow-y-auto p-5">
      <Part title={words.secrets.title} hint={words.secrets.hint}>
        <form onSubmit={submit} className="flex flex-wrap items-end gap-3" autoComplete="off">
          <Field label={words.secrets.name}>
            <input name="name" required className="field font-mono text-sm" />
          </Field>
          <Field label={words.secrets.value}>
            <input name="value" type="password" required autoComplete="new-password" className="field" />
          </Field>
          <Button look="main" type="submit" disabled={set.isPending} className="py-2.5">
            {words.secrets.set}
          </Button>
        </form>
        <Refused error={set.error ?? remove.error} />
        {secrets.isPending && <Loading />}
        {secrets.isError && <Trouble error={secrets.error} retry={() => void secrets.refetch()} />}
        {secrets.data?.length === 0 && <Empty>{words.secrets.empty}</Empty>}
        <ul className="grid gap-2">
          {secrets.data?.map((secret) => (
            <Row
              key={secret.name}
              name={<span className="font-mono">{secret.name}</span>}
              note={words.secrets.changed(secret.updated_at)}
            >
              <Sure
                label={words.secrets.remove(secret.name)}
                sure={words.providers.sure}
                onSure={() => remove.mutate(secret.name)}
              />
            </Row>
          ))}
        </ul>
      </Part>
    </div>
  );
}
