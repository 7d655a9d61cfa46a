/** The audit log: who changed what. */

import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Schemas } from "../api/client";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Page, Refused } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { say } from "../say";
import { words } from "../words";
import { type AuditWish, exportAudit, settings } from "./queries";

const said = words.settings.audit_;
type Entry = Schemas["AuditReply"];

export function Audit() {
  const [wish, setWish] = useState<AuditWish>({});
  const log = useInfiniteQuery(settings.audit(wish));
  const saving = useMutation({ mutationFn: () => exportAudit(wish) });
  const entries = log.data?.pages.flatMap((page) => page.data);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setWish(wishOf(new FormData(event.currentTarget)));
  };
  const whole = (
    <Button disabled={saving.isPending} onClick={() => saving.mutate()}>
      {said.export}
    </Button>
  );
  return (
    <Page title={words.settings.audit} subtitle={said.subtitle} action={whole}>
      <form onSubmit={submit} className="grid items-end gap-3 sm:grid-cols-[1fr_1fr_12rem_auto]">
        <Field label={said.action} hint={said.actionHint}>
          <input name="action" className="field font-mono text-sm" />
        </Field>
        <Field label={said.subject} hint={said.subjectHint}>
          <input name="subject_id" className="field font-mono text-sm" />
        </Field>
        <Field label={said.since}>
          <input name="since" type="date" className="field" />
        </Field>
        <Button type="submit" className="py-2.5">
          {said.filter}
        </Button>
      </form>
      <Refused error={saving.error} />
      {log.isPending && <Loading />}
      {log.isError && <Trouble error={log.error} retry={() => void log.refetch()} />}
      {entries?.length === 0 && <Empty>{said.empty}</Empty>}
      <ul className="grid gap-2">
        {entries?.map((entry) => (
          <OneEntry key={entry.id} entry={entry} />
        ))}
      </ul>
      {log.hasNextPage && (
        <Button disabled={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
          {said.more}
        </Button>
      )}
    </Page>
  );
}

/** Return what is filled in; a day begins where the reader is. */
function wishOf(form: FormData): AuditWish {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const since = text("since");
  return {
    ...(text("action") && { action: text("action") }),
    ...(text("subject_id") && { subject_id: text("subject_id") }),
    ...(since && { since: new Date(`${since}T00:00:00`).toISOString() }),
  };
}

function OneEntry({ entry }: { entry: Entry }) {
  const by = [entry.user_id, entry.address].filter(Boolean).join(" · ");
  const change = { before: entry.before, after: entry.after, ...(entry.reason && { reason: entry.reason }) };
  return (
    <li className="rounded-xl border border-line bg-raised px-4 py-3 text-sm">
      <p className="flex flex-wrap gap-x-3">
        <span className="font-mono font-medium">{entry.action}</span>
        <span className="font-mono text-xs text-soft">{entry.subject_id}</span>
        <time className="ml-auto text-xs text-soft">{say.time(entry.at)}</time>
      </p>
      <p className="font-mono text-xs text-soft">{by}</p>
      <details className="mt-1">
        <summary className="text-xs text-soft">{said.changes}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <pre tabIndex={0} className="mt-2 overflow-x-auto rounded-md bg-sunken p-3 text-xs">
          {JSON.stringify(change, null, 2)}
        </pre>
      </details>
    </li>
  );
}
