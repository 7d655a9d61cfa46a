/**
 * All sessions, the newest first. How many there are the server says, so each row has its place before it is read: as many
 * are drawn as can be seen, and pages are read where somebody looks.
 */

import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useRef } from "react";
import type { Session } from "../api/client";
import { queries, SESSIONS_A_PAGE } from "../api/queries";
import { Loading, Trouble } from "../parts/states";
import { plainOf } from "../plain";
import { say } from "../say";
import { words } from "../words";

const ROW_PX = 54;

/** The server counts so many; what is older is found by its title. */
const ROWS_MOST = 10_000;

export function SessionList({ search }: { search: string }) {
  const box = useRef<HTMLDivElement>(null);
  const wanted = useDeferredValue(search);
  const first = useQuery(queries.sessions(wanted));
  const total = Math.min(ROWS_MOST, first.data?.total ?? 0);
  const list = useVirtualizer({
    count: total,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
  });
  const shown = list.getVirtualItems();
  const pages = [...new Set(shown.map(({ index }) => Math.floor(index / SESSIONS_A_PAGE)))];
  const read = useQueries({ queries: pages.map((page) => queries.sessions(wanted, page)) });
  const rows = new Map(
    read.flatMap(({ data }, at) =>
      (data?.data ?? []).map((session, index) => [(pages[at] ?? 0) * SESSIONS_A_PAGE + index, session] as const),
    ),
  );
  return (
    <div ref={box} className="min-h-0 flex-1 overflow-y-auto" data-testid="sessions">
      {first.isPending && <Loading />}
      {first.isError && total === 0 && <Trouble error={first.error} retry={() => void first.refetch()} />}
      {first.isSuccess && total === 0 && (
        <p className="px-3 py-4 text-sm text-soft">{search ? words.nav.noneFound : words.nav.noSessions}</p>
      )}
      <ul aria-label={words.nav.sessions} className="relative" style={{ height: list.getTotalSize() }}>
        {shown.map((item) => {
          const session = rows.get(item.index);
          return (
            <li
              key={item.key}
              aria-setsize={total}
              aria-posinset={item.index + 1}
              className="absolute inset-x-0 top-0"
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
            >
              {session ? (
                <Row session={session} />
              ) : (
                <p className="px-3 py-1.5 text-sm text-soft">{words.nav.coming}</p>
              )}
            </li>
          );
        })}
      </ul>
      {first.data?.is_total_exact === false && <p className="px-3 py-4 text-xs text-soft">{words.nav.older}</p>}
    </div>
  );
}

function Row({ session }: { session: Session }) {
  const isWorking = session.status === "active";
  const waits = session.status === "waitingfortoolresults";
  return (
    <Link
      to="/sessions/$sessionId"
      params={{ sessionId: session.id }}
      className="grid rounded-[0.625rem] px-3 py-1.5 hover:bg-raised"
      activeProps={{ className: "bg-raised" }}
    >
      <span className="flex items-center gap-2 text-sm">
        {(isWorking || waits) && (
          <span
            role="img"
            aria-label={words.status[session.status]}
            className={`size-2 shrink-0 rounded-full ${waits ? "bg-warn" : "breathing bg-accent"}`}
          />
        )}
        <span className="truncate">{nameOf(session)}</span>
        <time className="ml-auto shrink-0 text-xs text-soft" dateTime={session.updated_at}>
          {say.when(session.updated_at)}
        </time>
      </span>
      <span className="truncate text-xs text-soft">
        {plainOf(session.output_preview ?? "") || words.status[session.status]}
      </span>
    </Link>
  );
}

/** Return what a session is called: its title, else how it began. */
export function nameOf(session: Pick<Session, "title" | "preview">): string {
  return session.title || plainOf(session.preview?.split("\n")[0] ?? "") || words.nav.untitled;
}
