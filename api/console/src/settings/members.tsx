/** Who belongs to the organisation, and what they may do in it. What one may not do the server says. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api, type Schemas } from "../api/client";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Page, Refused, Row } from "../parts/page";
import { Loading, Trouble } from "../parts/states";
import { Sure } from "../parts/sure";
import { words } from "../words";
import { ROLES, type Role, settings } from "./queries";

const said = words.settings.members_;
type Member = Schemas["MemberReply"];

export function Members() {
  const organization = useQuery(settings.organization);
  if (organization.isLoadingError)
    return <Trouble error={organization.error} retry={() => void organization.refetch()} />;
  if (organization.isPending) return <Loading />;
  const { id, name } = organization.data;
  return (
    <Page title={words.settings.members} subtitle={said.subtitle(name)}>
      <List orgId={id} />
      <Add orgId={id} />
    </Page>
  );
}

function List({ orgId }: { orgId: string }) {
  const members = useQuery(settings.members(orgId));
  if (members.isLoadingError) return <Trouble error={members.error} retry={() => void members.refetch()} />;
  if (members.isPending) return <Loading />;
  return (
    <ul className="grid gap-3">
      {members.data.map((member) => (
        <OneMember key={member.user_id} member={member} />
      ))}
    </ul>
  );
}

function OneMember({ member }: { member: Member }) {
  const client = useQueryClient();
  const path = { params: { path: { org_id: member.organization_id, user_id: member.user_id } } };
  const onSettled = () => client.invalidateQueries({ queryKey: settings.members(member.organization_id).queryKey });
  const appoint = useMutation({
    mutationFn: (role: Role) => api.PATCH("/api/v1/orgs/{org_id}/members/{user_id}", { ...path, body: { role } }),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE("/api/v1/orgs/{org_id}/members/{user_id}", path),
    onSettled,
  });
  const name = member.name || member.email || member.user_id;
  return (
    <Row
      name={name}
      note={
        <>
          {member.email}
          <Refused error={appoint.error ?? remove.error} />
        </>
      }
    >
      <RolePick
        label={said.roleOf(name)}
        value={member.role}
        isBusy={appoint.isPending}
        onChange={(role) => appoint.mutate(role)}
      />
      <Sure
        label={said.remove}
        name={words.of(said.remove, name)}
        sure={words.providers.sure}
        isBusy={remove.isPending}
        onSure={() => remove.mutate()}
      />
    </Row>
  );
}

interface PickProps {
  label: string;
  value: Role;
  isBusy: boolean;
  onChange: (role: Role) => void;
}

function RolePick({ label, value, isBusy, onChange }: PickProps) {
  return (
    <select
      aria-label={label}
      value={value}
      disabled={isBusy}
      onChange={(event) => onChange(event.target.value as Role)}
      className="field w-auto! py-1! text-sm!"
    >
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {said.roles[role]}
        </option>
      ))}
    </select>
  );
}

function Add({ orgId }: { orgId: string }) {
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: (given: { email: string; role: Role }) =>
      api.POST("/api/v1/orgs/{org_id}/members", { params: { path: { org_id: orgId } }, body: given }),
    onSettled: () => client.invalidateQueries({ queryKey: settings.members(orgId).queryKey }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    add.mutate({ email: String(form.get("email")), role: form.get("role") as Role });
  };
  return (
    <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
      <Field label={said.email} hint={said.emailHint}>
        <input name="email" type="email" required className="field" />
      </Field>
      <Field label={said.role}>
        <select name="role" defaultValue="member" className="field">
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {said.roles[role]}
            </option>
          ))}
        </select>
      </Field>
      <Button look="main" type="submit" disabled={add.isPending} className="py-2.5">
        {said.add}
      </Button>
      <Refused error={add.error} />
    </form>
  );
}
