/**
 * The log itself. Its sequences are dense, so every row is known before it is read: pages are read where somebody looks,
 * and a log of a hundred thousand events is as quick as one of ten. An address names an event (`?at=`).
 */

import { useQueries, useQuery } from "@tanstack/react-query";
import { getRouteApi, useParams } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { api } from "../api/client";
import { queries } from "../api/queries";
import type { LogEvent } from "../log/event";
import { Empty } from "../parts/states";
import { say } from "../say";
import { words } from "../words";
import { Block } from "./tool-card";
import { useLog } from "./use-log";

const PAGE = 200;
const ROW_PX = 30;
const route = getRouteApi("/shell/sessions/$sessionId/events");

export function Events() {
  const { sessionId } = useParams({ from: "/shell/sessions/$sessionId" });
  const { at } = route.useSearch();
  const { conversation } = useLog(sessionId);
  const place = useQuery(queries.place(sessionId));
  const total = Math.max(conversation.last, place.data?.last_sequence ?? 0);
  if (total === 0) return <Empty>{words.events.empty}</Empty>;
  return (
    <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
      <Rows key={sessionId} sessionId={sessionId} total={total} at={at} />
      <Detail sessionId={sessionId} total={total} at={at} />
    </div>
  );
}

const pageOf = (sequence: number) => Math.floor((sequence - 1) / PAGE);

function pageQuery(sessionId: string, page: number, total: number) {
  const isWhole = (page + 1) * PAGE <= total;
  return {
    queryKey: ["log", sessionId, page, isWhole ? "whole" : total],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }: { signal: AbortSignal }): Promise<LogEvent[]> => {
      const query = { after_sequence: page * PAGE, limit: PAGE };
      const reply = await api.GET("/api/v1/sessions/{session_id}/events", {
        params: { path: { session_id: sessionId }, query },
        signal,
      });
      return (reply.data as unknown as { data: LogEvent[] }).data;
    },
    placeholderData: (before: LogEvent[] | undefined) => before,
  };
}

interface RowsProps {
  sessionId: string;
  total: number;
  at: number | undefined;
}

function Rows({ sessionId, total, at }: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const navigate = route.useNavigate();
  const list = useVirtualizer({
    count: total,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 20,
    initialOffset: Math.max(0, ((at ?? total) - 10) * ROW_PX),
  });
  const items = list.getVirtualItems();
  const pages = [...new Set(items.map((item) => pageOf(item.index + 1)))];
  const read = useQueries({ queries: pages.map((page) => pageQuery(sessionId, page, total)) });
  const events = new Map(read.flatMap((page) => page.data ?? []).map((event) => [event.sequence, event]));

  useEffect(() => {
    if (at !== undefined) list.scrollToIndex(at - 1, { align: "auto" });
  }, [at, list]);

  const go = (sequence: number) =>
    void navigate({ search: { at: Math.min(total, Math.max(1, sequence)) }, replace: true });
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      <form
        className="flex items-center gap-3 px-5 py-2 text-sm text-soft"
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = Number(new FormData(event.currentTarget).get("sequence"));
          if (Number.isInteger(wanted) && wanted > 0) go(wanted);
        }}
      >
        <span>{words.events.count(total)}</span>
        <input
          name="sequence"
          inputMode="numeric"
          aria-label={words.events.filter}
          placeholder={words.events.filter}
          className="w-40 rounded-md border border-line bg-raised px-2 py-1 text-sm"
        />
      </form>
      <div
        ref={box}
        className="min-h-0 flex-1 overflow-y-auto font-mono text-xs"
        data-testid="log"
        role="listbox"
        aria-label={words.events.table}
        tabIndex={0}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (step === undefined) return;
          event.preventDefault();
          go((at ?? total) + step);
        }}
      >
        <div className="relative" style={{ height: list.getTotalSize() }}>
          {items.map((item) => {
            const sequence = item.index + 1;
            return (
              // biome-ignore lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: the list has the focus and the keys
              <div
                key={item.key}
                role="option"
                aria-selected={at === sequence}
                aria-setsize={total}
                aria-posinset={sequence}
                onClick={() => go(sequence)}
                className={`absolute inset-x-0 flex cursor-pointer items-center gap-4 px-5 hover:bg-sunken ${at === sequence ? "bg-tint" : ""}`}
                style={{ height: item.size, transform: `translateY(${item.start}px)` }}
              >
                <Line sequence={sequence} event={events.get(sequence)} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Line({ sequence, event }: { sequence: number; event: LogEvent | undefined }) {
  return (
    <>
      <span className="w-16 shrink-0 text-right text-soft">{sequence}</span>
      {event === undefined ? (
        <span className="text-soft">{words.events.loading}</span>
      ) : (
        <>
          <span className={`truncate ${toneOf(event.type)}`}>{event.type}</span>
          <span className="ml-auto shrink-0 text-soft">{event.ts.slice(11, 23)}</span>
        </>
      )}
    </>
  );
}

function toneOf(type: string): string {
  if (/failed|cancelled|sealed/.test(type)) return "text-bad";
  if (/recovered|repaired|decision/.test(type)) return "text-warn";
  return /^(input|output)\.message/.test(type) ? "text-accent" : "";
}

function Detail({ sessionId, total, at }: RowsProps) {
  const page = useQuery({ ...pageQuery(sessionId, pageOf(at ?? 1), total), enabled: at !== undefined });
  const event = page.data?.find((found) => found.sequence === at);
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
