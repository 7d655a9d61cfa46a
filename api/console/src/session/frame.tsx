/** The head of a session's pages: what it is called, where it lives, and its tabs. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useParams } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { api } from "../api/client";
import { queries } from "../api/queries";
import { Button } from "../parts/button";
import { TAB, TAB_HERE } from "../parts/looks";
import { Trouble } from "../parts/states";
import { say } from "../say";
import { nameOf } from "../shell/session-list";
import { words } from "../words";
import { dropSettled } from "./call-drafts";
import { useLog } from "./use-log";

const TABS = [
  { to: "/sessions/$sessionId", label: words.tabs.chat },
  { to: "/sessions/$sessionId/turns", label: words.tabs.turns },
  { to: "/sessions/$sessionId/events", label: words.tabs.events },
  { to: "/sessions/$sessionId/effects", label: words.tabs.effects },
  { to: "/sessions/$sessionId/files", label: words.tabs.files, feature: "file_system" },
  { to: "/sessions/$sessionId/keys", label: words.tabs.keys, feature: "key_value" },
  { to: "/sessions/$sessionId/secrets", label: words.tabs.secrets, feature: "secrets" },
  { to: "/sessions/$sessionId/setup", label: words.tabs.setup },
] as const;

/** What is asked for of a session, and may be another thing after a turn. */
const FOLLOWING = ["session", "place", "effects", "keys", "files", "file"];

export function SessionFrame() {
  const { sessionId } = useParams({ from: "/shell/sessions/$sessionId" });
  const { conversation, line } = useLog(sessionId);
  const session = useQuery(queries.session(sessionId));
  const client = useQueryClient();
  const { isBusy, title, entries } = conversation;

  // What lists and heads show changes when a turn begins or ends, or somebody gives a title.
  const stand = [sessionId, isBusy, title, entries.findLast(({ kind }) => kind !== "step")?.id].join();
  const known = useRef("");
  useEffect(() => {
    if (line === "opening" || known.current === stand) return;
    const isFirst = !known.current.startsWith(sessionId);
    known.current = stand;
    void client.invalidateQueries({ queryKey: ["sessions"] }); // also where all was over before it could be read
    if (isFirst) return; // the rest has just been asked for
    for (const kind of FOLLOWING) void client.invalidateQueries({ queryKey: [kind, sessionId] });
  }, [line, stand, client, sessionId]);

  useEffect(() => dropSettled(sessionId, conversation), [sessionId, conversation]);

  if (session.isLoadingError) return <Trouble error={session.error} retry={() => void session.refetch()} />;
  const features = session.data?.features ?? [];
  return (
    <>
      <header className="border-b border-line px-5 pt-3">
        <div className="flex flex-wrap items-baseline gap-x-4">
          <h1 className="max-w-full truncate text-lg font-semibold">
            {title ?? (session.data ? nameOf(session.data) : words.nav.untitled)}
          </h1>
          <PlaceLine sessionId={sessionId} isBusy={isBusy} />
        </div>
        <nav aria-label={words.tabs.label} className="mt-2 flex gap-5 overflow-x-auto">
          {TABS.filter((tab) => !("feature" in tab) || features.includes(tab.feature)).map(({ to, label }) => (
            <Link
              key={to}
              to={to}
              params={{ sessionId }}
              activeOptions={{ exact: true, includeSearch: false }}
              className={TAB}
              activeProps={TAB_HERE}
            >
              {label}
            </Link>
          ))}
        </nav>
      </header>
      <Outlet />
    </>
  );
}

const ASK_MS = 2_500;

function PlaceLine({ sessionId, isBusy }: { sessionId: string; isBusy: boolean }) {
  const { data } = useQuery({ ...queries.place(sessionId), refetchInterval: isBusy ? ASK_MS : false });
  if (data === undefined) return null;
  const { actor, epoch, recoveries, quarantined } = data;
  if (quarantined) return <Quarantine sessionId={sessionId} />;
  return (
    <p className="flex gap-3 font-mono text-xs text-soft" data-testid="place">
      <span>{actor === null ? words.place.resting : words.place.on(actor.pid)}</span>
      <span>{words.place.epoch(epoch)}</span>
      {recoveries > 0 && <span className="text-good">{words.place.recoveries(recoveries)}</span>}
      <span className="hidden sm:inline">{words.events.count(data.last_sequence)}</span>
      <UsageOf sessionId={sessionId} />
    </p>
  );
}

function Quarantine({ sessionId }: { sessionId: string }) {
  const client = useQueryClient();
  const release = useMutation({
    mutationFn: () =>
      api.POST("/api/v1/durable/sessions/{session_id}/release", { params: { path: { session_id: sessionId } } }),
    onSettled: () => client.invalidateQueries({ queryKey: queries.place(sessionId).queryKey }),
  });
  return (
    <p role="status" className="flex flex-wrap items-center gap-3 text-sm text-bad">
      {release.error?.message ?? words.place.quarantined}
      <Button disabled={release.isPending} onClick={() => release.mutate()}>
        {words.place.release}
      </Button>
    </p>
  );
}

function UsageOf({ sessionId }: { sessionId: string }) {
  const { conversation } = useLog(sessionId);
  const { usage } = conversation;
  if (usage === null) return null;
  return (
    <span className="hidden sm:inline">
      {words.turns.tokens(usage.input_tokens, usage.output_tokens)}
      {usage.estimated_cost_usd ? ` · ${say.cost(usage.estimated_cost_usd)}` : ""}
    </span>
  );
}
