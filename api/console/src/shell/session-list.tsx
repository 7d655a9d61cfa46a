/** All sessions, the newest first: as many rows are drawn as can be seen, and more are read as one scrolls. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useRef } from "react";
import type { Session } from "../api/client";
import { queries } from "../api/queries";
import { Loading, Trouble } from "../parts/states";
import { plainOf } from "../plain";
import { say } from "../say";
import { words } from "../words";

const ROW_PX = 54;

export function SessionList({ search }: { search: string }) {
  const box = useRef<HTMLDivElement>(null);
  const found = useInfiniteQuery(queries.sessions(useDeferredValue(search)));
  const rows = found.data?.pages.flatMap((page) => page.data) ?? [];
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
    getItemKey: (at) => rows[at]?.id ?? at,
  });
  const shown = list.getVirtualItems();
  const isAtEnd = (shown.at(-1)?.index ?? 0) >= rows.length - 10;
  const { hasNextPage, isFetching, fetchNextPage } = found;

  useEffect(() => {
    if (isAtEnd && hasNextPage && !isFetching) void fetchNextPage();
  }, [isAtEnd, hasNextPage, isFetching, fetchNextPage]);

  return (
    <div ref={box} className="min-h-0 flex-1 overflow-y-auto" data-testid="sessions">
      {found.isPending && <Loading />}
      {found.isError && rows.length === 0 && <Trouble error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && rows.length === 0 && (
        <p className="px-3 py-4 text-sm text-soft">{search ? words.nav.noneFound : words.nav.noSessions}</p>
      )}
      <ul aria-label={words.nav.sessions} className="relative" style={{ height: list.getTotalSize() }}>
        {shown.map((item) => {
          const session = rows[item.index];
          return (
            <li
              key={item.key}
              className="absolute inset-x-0 top-0"
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
            >
              {session && <Row session={session} />}
            </li>
          );
        })}
      </ul>
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
      <span className="truncate text-xs text-soft">{plainOf(session.output_preview ?? "") || words.status[session.status]}</span>
    </Link>
  );
}

/** Return what a session is called: its title, else how it began. */
export function nameOf(session: Pick<Session, "title" | "preview">): string {
  return session.title || plainOf(session.preview?.split("\n")[0] ?? "") || words.nav.untitled;
}
