/** Personal access tokens. A new one is shown this once, and kept by nothing of the page. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef } from "react";
import { api, body, type Schemas } from "../api/client";
import { Button } from "../parts/button";
import { useCopy } from "../parts/copy";
import { Field } from "../parts/field";
import { Page, Refused, Row } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { Sure } from "../parts/sure";
import { words } from "../words";
import { settings } from "./queries";

const said = words.settings.tokens_;
const DAYS = [30, 90, 365, 0] as const;
type Token = Schemas["TokenReply"];

interface Wish {
  name: string;
  scopes?: string[];
  expires_in_days?: number;
}

export function Tokens() {
  const tokens = useQuery(settings.tokens);
  return (
    <Page title={words.settings.tokens} subtitle={said.subtitle}>
      <Make />
      {tokens.isPending && <Loading />}
      {tokens.isError && <Trouble error={tokens.error} retry={() => void tokens.refetch()} />}
      {tokens.data?.length === 0 && <Empty>{said.none}</Empty>}
      <ul className="grid gap-3">
        {tokens.data?.map((token) => (
          <OneToken key={token.id} token={token} />
        ))}
      </ul>
    </Page>
  );
}

function Make() {
  const client = useQueryClient();
  const me = useQuery(settings.me);
  const make = useMutation({
    gcTime: 0, // what came holds the token itself
    mutationFn: async (wish: Wish) => body(await api.POST("/api/v1/auth/personal-access-tokens", { body: wish })),
    onSuccess: () => client.invalidateQueries({ queryKey: settings.tokens.queryKey }),
  });
  if (make.data) return <Once token={make.data.key} onDone={make.reset} />;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    make.mutate(wishOf(new FormData(event.currentTarget)));
  };
  return (
    <form onSubmit={submit} className="grid gap-4 rounded-xl border border-line bg-raised p-5">
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={said.name} hint={said.nameHint}>
          <input name="name" required className="field" />
        </Field>
        <Field label={said.lasts}>
          <select name="days" className="field">
            {DAYS.map((days) => (
              <option key={days} value={days}>
                {said.days(days)}
              </option>
            ))}
          </select>
        </Field>
      </div>
      <fieldset>
        <legend className="text-sm">
          {said.scopes} <span className="text-xs text-soft">{said.scopesHint}</span>
        </legend>
        <div className="mt-1 flex flex-wrap gap-x-4 gap-y-1">
          {me.data?.scopes.map((scope) => (
            <label key={scope} className="flex items-center gap-2 font-mono text-xs">
              <input type="checkbox" name="scopes" value={scope} className="accent-(--accent)" />
              {scope}
            </label>
          ))}
        </div>
      </fieldset>
      <Refused error={make.error} />
      <Button look="main" type="submit" disabled={make.isPending} className="justify-self-start">
        {said.make}
      </Button>
    </form>
  );
}

function wishOf(form: FormData): Wish {
  const days = Number(form.get("days"));
  const scopes = form.getAll("scopes").map(String);
  return {
    name: String(form.get("name") ?? ""),
    ...(scopes.length > 0 && { scopes }),
    ...(days > 0 && { expires_in_days: days }),
  };
}

function Once({ token, onDone }: { token: string; onDone: () => void }) {
  const shown = useRef<HTMLOutputElement>(null);
  const [label, copy] = useCopy(token);
  return (
    <section aria-label={said.once} className="grid gap-3 rounded-xl border border-accent bg-tint p-5">
      <p className="text-sm">{said.once}</p>
      <output ref={shown} className="font-mono text-sm break-all select-all" data-testid="token">
        {token}
      </output>
      <div className="flex gap-2">
        <Button onClick={() => void copy(shown.current)}>{label}</Button>
        <Button look="main" onClick={onDone}>
          {said.done}
        </Button>
      </div>
    </section>
  );
}

function OneToken({ token }: { token: Token }) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () =>
      api.DELETE("/api/v1/auth/personal-access-tokens/{token_id}", { params: { path: { token_id: token.id } } }),
    onSettled: () => client.invalidateQueries({ queryKey: settings.tokens.queryKey }),
  });
  const scopes = token.scopes?.join(", ") ?? said.all;
  const note = [`${token.key_prefix}…`, scopes, said.until(token.expires_at), said.used(token.last_used_at ?? null)];
  return (
    <Row
      name={token.name}
      note={
        <>
          {note.join(" · ")}
          <Refused error={revoke.error} />
        </>
      }
    >
      <Sure label={said.revoke(token.name)} sure={words.providers.sure} onSure={() => revoke.mutate()} />
    </Row>
  );
}
