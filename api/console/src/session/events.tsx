/**
 * The log itself. Its sequences are dense, so every row is known before it is read: pages are read where somebody looks,
 * and a log of a hundred thousand events is as quick as one of ten. Its newest part is followed anyway. An address names
 * an event (`?at=`), and which events are listed; of a part of the log only the server knows where it stands, so there
 * rows are read one page after another.
 */

import { useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { api, type EventsQuery } from "../api/client";
import { queries } from "../api/queries";
import { read as readJson } from "../exact";
import type { LogEvent } from "../log/event";
import { Empty, Loading, Trouble } from "../parts/states";
import { say } from "../say";
import { words } from "../words";
import { EventFilter, useWanted, type Wanted } from "./event-filter";
import { EventTable, ROW_PX } from "./event-table";
import { BEGINNING, countOf, pageOf as foundOf, nextOf, PAGE, type Page, partOf } from "./found";
import { Block } from "./tool-card";
import { useLog } from "./use-log";

const AHEAD = 40;
const route = getRouteApi("/shell/sessions/$sessionId/events");

export function Events() {
  const { sessionId } = route.useParams();
  const { at } = route.useSearch();
  const wanted = useWanted();
  const { conversation } = useLog(sessionId);
  const place = useQuery(queries.place(sessionId));
  const total = Math.max(conversation.last, place.data?.last_sequence ?? 0);
  if (total === 0) return <Empty>{words.events.empty}</Empty>;
  const shown = { sessionId, total, at };
  return (
    <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        {wanted === null ? (
          <Rows key={sessionId} {...shown} />
        ) : (
          <Found key={JSON.stringify([sessionId, wanted])} {...shown} wanted={wanted} />
        )}
      </div>
      <Detail {...shown} />
    </div>
  );
}

interface RowsProps {
  sessionId: string;
  total: number;
  at: number | undefined;
}

const pageOf = (sequence: number) => Math.floor((sequence - 1) / PAGE);

async function read(sessionId: string, query: EventsQuery, signal: AbortSignal) {
  const reply = await api.GET("/api/v1/sessions/{session_id}/events", {
    params: { path: { session_id: sessionId }, query },
    parseAs: "text",
    signal,
  });
  const { data } = readJson(reply.data as unknown as string) as { data: LogEvent[] };
  const total = reply.response.headers.get("X-Total-Count");
  return { data, total: total === null ? null : Number(total) };
}

function pageQuery(sessionId: string, page: number, total: number) {
  const isWhole = (page + 1) * PAGE <= total;
  return {
    queryKey: ["log", sessionId, page, isWhole ? "whole" : total],
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false, // it would take numbers that are kept as they are written for objects
    ...(!isWhole && { gcTime: 0 }), // it is soon another one
    queryFn: async ({ signal }: { signal: AbortSignal }) =>
      (await read(sessionId, { after_sequence: page * PAGE, limit: PAGE }, signal)).data,
  };
}

/** Return what the log's follower has of it: which events, and whether a whole page is among them. */
function useFollowed(sessionId: string) {
  const { conversation, follower } = useLog(sessionId);
  const { first } = conversation;
  return {
    eventOf: (sequence: number): LogEvent | undefined => follower.eventAt(sequence),
    /** What of it is not there yet is heard in a moment. */
    hasPage: (page: number) => first > 0 && page * PAGE + 1 >= first,
  };
}

/** Return how an event is looked at. */
function useGo(total: number) {
  const navigate = route.useNavigate();
  return (sequence: number) =>
    void navigate({ search: (before) => ({ ...before, at: Math.min(total, Math.max(1, sequence)) }), replace: true });
}

function Rows({ sessionId, total, at }: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const go = useGo(total);
  const list = useVirtualizer({
    count: total,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 20,
    initialOffset: Math.max(0, ((at ?? total) - 10) * ROW_PX),
  });
  const { eventOf, hasPage } = useFollowed(sessionId);
  const pages = [...new Set(list.getVirtualItems().map((item) => pageOf(item.index + 1)))].filter(
    (page) => !hasPage(page),
  );
  const there = useQueries({ queries: pages.map((page) => pageQuery(sessionId, page, total)) });
  const events = new Map(there.flatMap((page) => page.data ?? []).map((event) => [event.sequence, event]));

  useEffect(() => {
    if (at !== undefined) list.scrollToIndex(at - 1, { align: "auto" });
  }, [at, list]);

  return (
    <>
      <EventFilter sessionId={sessionId} count={words.events.count(total)} onGo={go} />
      <EventTable
        box={box}
        list={list}
        rowOf={(index) => ({ sequence: index + 1, event: eventOf(index + 1) ?? events.get(index + 1) })}
        chosen={at}
        onChoose={go}
        onStep={(rows) => go((at ?? total) + rows)}
      />
    </>
  );
}

/** What comes within so long is read at once. */
const NEWS_MS = 1_000;

/** Those that are looked for, the oldest first. */
function Found({ sessionId, total, at, wanted }: RowsProps & { wanted: Wanted }) {
  const box = useRef<HTMLDivElement>(null);
  const go = useGo(total);
  const asked: EventsQuery = {
    ...(wanted.type && { types: [wanted.type] as NonNullable<EventsQuery["types"]> }),
    ...(wanted.turn && { turn_id: wanted.turn }),
    ...(wanted.text && { q: wanted.text }),
  };
  const found = useInfiniteQuery({
    queryKey: ["found", sessionId, wanted],
    initialPageParam: BEGINNING,
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
    queryFn: async ({ pageParam, signal }): Promise<Page> => {
      const part = await read(sessionId, { ...asked, ...partOf(pageParam) }, signal);
      return foundOf(part.data, part.total, total, pageParam);
    },
    getNextPageParam: (last) => nextOf(last, total),
  });
  const pages = found.data?.pages ?? [];
  const events = pages.flatMap((page) => page.data);
  const list = useVirtualizer({
    count: events.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 20,
  });
  const isNearEnd = (list.getVirtualItems().at(-1)?.index ?? 0) >= events.length - AHEAD;
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = found;
  const isDue = isNearEnd && hasNextPage && !isFetching && !isFetchNextPageError;
  const wait = pages.at(-1)?.isFull ? 0 : NEWS_MS;
  useEffect(() => {
    if (!isDue) return;
    const timer = setTimeout(() => void fetchNextPage(), wait);
    return () => clearTimeout(timer);
  }, [isDue, wait, fetchNextPage]);

  const step = (rows: number) => {
    const index = events.findIndex((event) => event.sequence === at);
    const next = events[Math.min(events.length - 1, Math.max(0, index + rows))];
    if (next?.sequence === undefined) return;
    go(next.sequence);
    list.scrollToIndex(events.indexOf(next), { align: "auto" });
  };
  return (
    <>
      <EventFilter sessionId={sessionId} count={words.events.found(countOf(pages))} onGo={go} />
      {found.isPending && <Loading />}
      {found.isError && (
        <Trouble error={found.error} retry={() => void (isFetchNextPageError ? fetchNextPage() : found.refetch())} />
      )}
      {found.isSuccess && events.length === 0 && <Empty>{words.events.none}</Empty>}
      <EventTable
        box={box}
        list={list}
        rowOf={(index) => ({ sequence: events[index]?.sequence, event: events[index] })}
        chosen={at}
        onChoose={go}
        onStep={step}
      />
    </>
  );
}

function Detail({ sessionId, total, at }: RowsProps) {
  const { eventOf, hasPage } = useFollowed(sessionId);
  const number = pageOf(at ?? 1);
  const page = useQuery({ ...pageQuery(sessionId, number, total), enabled: at !== undefined && !hasPage(number) });
  const event = eventOf(at ?? 0) ?? page.data?.find((found) => found.sequence === at);
  return (
    <section
      aria-label={words.events.raw}
      className="max-h-[45%] overflow-y-auto border-t border-line p-4 lg:max-h-none lg:w-[26rem] lg:border-t-0 lg:border-l"
    >
      {event === undefined ? (
        <p className="text-sm text-soft">{words.events.pick}</p>
      ) : (
        <div className="grid gap-3 [&_pre]:max-h-none">
          <p className="font-mono text-sm">{event.type}</p>
          <p className="text-xs text-soft">{say.time(event.ts)}</p>
          <Block label={words.events.raw} text={JSON.stringify(event, null, 2)} />
        </div>
      )}
    </section>
  );
}
