import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { api, body } from "../api/client";
import { archiveWorkspace } from "../layers/archive";
import { layers } from "../layers/queries";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Page, Refused, Row } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { Sure } from "../parts/sure";
import { say } from "../say";
import { words } from "../words";

export function Workspaces() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const workspaces = useQuery(layers.workspaces);
  const onSettled = () => client.invalidateQueries({ queryKey: layers.workspaces.queryKey });
  const make = useMutation({
    mutationFn: (name: string) => api.POST("/api/v1/workspaces", { body: { name } }),
    onSettled,
  });
  const archive = useMutation({
    mutationFn: archiveWorkspace,
    onSettled,
  });
  const start = useMutation({
    mutationFn: async (id: string) => body(await api.POST("/api/v1/sessions", { body: { workspace_id: id } })),
    onSuccess: (session) => navigate({ to: "/sessions/$sessionId", params: { sessionId: session.id } }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    make.mutate(String(new FormData(form).get("name")).trim(), { onSuccess: () => form.reset() });
  };
  return (
    <Page title={words.workspaces.title} subtitle={words.workspaces.subtitle}>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
        <Field label={words.workspaces.name}>
          <input name="name" required className="field" />
        </Field>
        <Button type="submit" disabled={make.isPending} className="py-2.5">
          {words.workspaces.create}
        </Button>
      </form>
      <Refused error={make.error ?? archive.error ?? start.error} />
      {workspaces.isPending && <Loading />}
      {workspaces.isError && <Trouble error={workspaces.error} retry={() => void workspaces.refetch()} />}
      {workspaces.data?.data.length === 0 && <Empty>{words.workspaces.empty}</Empty>}
      <ul className="grid gap-3">
        {workspaces.data?.data.map((workspace) => (
          <Row key={workspace.id} name={workspace.name} note={`${workspace.id} · ${say.when(workspace.updated_at)}`}>
            <Button
              aria-label={words.of(words.workspaces.chat, workspace.name)}
              disabled={start.isPending}
              onClick={() => start.mutate(workspace.id)}
            >
              {words.workspaces.chat}
            </Button>
            <Sure
              label={words.agents.archive}
              name={words.workspaces.archive(workspace.name)}
              sure={words.agents.archiveSure}
              isBusy={archive.isPending}
              onSure={() => archive.mutate(workspace.id)}
            />
          </Row>
        ))}
      </ul>
    </Page>
  );
}
