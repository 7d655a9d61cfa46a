/** The organisations of whoever asks, and what the one in which they act is called and keeps. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api, body, type Schemas } from "../api/client";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Page, Part, Refused, Row } from "../parts/page";
import { Loading, Trouble } from "../parts/states";
import { TypedLine } from "../parts/typed";
import { words } from "../words";
import { settings } from "./queries";

const said = words.settings.organizations_;
type Organization = Schemas["OrganizationReply"];

export function Organizations() {
  const here = useQuery(settings.organization);
  const all = useQuery(settings.organizations);
  if (here.isLoadingError) return <Trouble error={here.error} retry={() => void here.refetch()} />;
  if (here.isPending) return <Loading />;
  return (
    <Page title={words.settings.organizations} subtitle={said.subtitle}>
      {all.isError && <Trouble error={all.error} retry={() => void all.refetch()} />}
      <ul className="grid gap-3">
        {all.data?.map((one) => (
          <One key={one.id} organization={one} isHere={one.id === here.data.id} />
        ))}
      </ul>
      <Make />
      <Ours organization={here.data} />
    </Page>
  );
}

function One({ organization, isHere }: { organization: Organization; isHere: boolean }) {
  const go = useMutation({
    mutationFn: () => enter(organization.id),
    // Nothing that the page knows is of that organisation.
    onSuccess: () => location.assign("/"),
  });
  return (
    <Row
      name={organization.name}
      note={
        <>
          <span className="font-mono wrap-anywhere">{organization.id}</span>
          <Refused error={go.error} />
        </>
      }
    >
      {isHere ? (
        <span className="text-sm text-good">{said.here}</span>
      ) : (
        <Button
          aria-label={words.of(said.switch, organization.name)}
          disabled={go.isPending}
          onClick={() => go.mutate()}
        >
          {said.switch}
        </Button>
      )}
    </Row>
  );
}

const ASK_MS = 200;
const ASKS_MOST = 25;

/** Have requests act in an organisation, and wait until they do: who asks is remembered for a second. */
async function enter(id: string): Promise<void> {
  await api.POST("/api/v1/users/me/switch-org", { body: { org_id: id } });
  for (let asked = 0; asked < ASKS_MOST; asked += 1) {
    if (body(await api.GET("/api/v1/resolve-org")).id === id) return;
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}

function Make() {
  const client = useQueryClient();
  const make = useMutation({
    mutationFn: (name: string) => api.POST("/api/v1/orgs", { body: { name } }),
    onSettled: () => client.invalidateQueries({ queryKey: settings.organizations.queryKey }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    make.mutate(String(new FormData(form).get("name")).trim(), { onSuccess: () => form.reset() });
  };
  return (
    <form onSubmit={submit} aria-label={said.make} className="flex flex-wrap items-end gap-3">
      <Field label={said.name}>
        <input name="name" required className="field" />
      </Field>
      <Button type="submit" disabled={make.isPending} className="py-2.5">
        {said.make}
      </Button>
      <Refused error={make.error} />
    </form>
  );
}

function Ours({ organization }: { organization: Organization }) {
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (form: FormData) =>
      api.PATCH("/api/v1/orgs/{org_id}", {
        params: { path: { org_id: organization.id } },
        body: {
          name: String(form.get("name")).trim(),
          retention_days: daysOf(form, "retention_days"),
          deletion_grace_days: daysOf(form, "deletion_grace_days"),
        },
      }),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: settings.organization.queryKey });
      await client.invalidateQueries({ queryKey: settings.organizations.queryKey });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    change.mutate(new FormData(event.currentTarget));
  };
  return (
    <Part title={said.ours}>
      <form onSubmit={submit} className="grid gap-4 rounded-xl border border-line bg-raised p-5">
        <Field label={said.name}>
          <TypedLine name="name" required stored={organization.name} className="field" />
        </Field>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label={said.retention} hint={said.retentionHint}>
            <TypedLine
              name="retention_days"
              type="number"
              min={1}
              stored={String(organization.retention_days ?? "")}
              className="field"
            />
          </Field>
          <Field label={said.grace} hint={said.graceHint}>
            <TypedLine
              name="deletion_grace_days"
              type="number"
              min={0}
              stored={String(organization.deletion_grace_days ?? "")}
              className="field"
            />
          </Field>
        </div>
        <Refused error={change.error} />
        <Button look="main" type="submit" disabled={change.isPending} className="justify-self-start">
          {said.save}
        </Button>
      </form>
    </Part>
  );
}

/** Return a number of days; null takes the setting back. */
function daysOf(form: FormData, name: string): number | null {
  const text = String(form.get(name) ?? "").trim();
  return text === "" ? null : Number(text);
}
