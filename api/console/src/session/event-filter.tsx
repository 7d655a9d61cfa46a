/** Which events are listed: all, or those of a type, of a turn, with a text in them. It stands in the address. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { api, body } from "../api/client";
import { turnsOf } from "../log/spans";
import { Button } from "../parts/button";
import { words } from "../words";
import { useLog } from "./use-log";

const route = getRouteApi("/shell/sessions/$sessionId/events");
const FIELD = "min-w-28 max-w-48 flex-1 rounded-md border border-line bg-raised px-2 py-1 text-sm";

export interface Wanted {
  type?: string;
  turn?: string;
  text?: string;
}

/** Return what an address asks for; null for all events. */
export function useWanted(): Wanted | null {
  const { type, turn, text } = route.useSearch();
  if (type === undefined && turn === undefined && text === undefined) return null;
  return { ...(type && { type }), ...(turn && { turn }), ...(text && { text }) };
}

interface Props {
  sessionId: string;
  /** How many there are, in words. */
  count: string;
  /** Go to an event. */
  onGo: (sequence: number) => void;
}

export function EventFilter({ sessionId, count, onGo }: Props) {
  const wanted = useWanted() ?? {};
  const navigate = route.useNavigate();
  const want = (change: { [Key in keyof Wanted]: string }) => {
    const { type, turn, text } = { ...wanted, ...change };
    void navigate({ search: { ...(type && { type }), ...(turn && { turn }), ...(text && { text }) }, replace: true });
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const sequence = Number(form.get("sequence"));
    if (Number.isInteger(sequence) && sequence > 0) onGo(sequence);
    else want({ text: String(form.get("text") ?? "").trim() });
  };
  const isAll = Object.keys(wanted).length === 0;
  return (
    <form className="flex flex-wrap items-center gap-x-3 gap-y-2 px-5 py-2 text-sm text-soft" onSubmit={submit}>
      <output>{count}</output>
      <input
        name="sequence"
        inputMode="numeric"
        aria-label={words.events.filter}
        placeholder={words.events.filter}
        className={FIELD}
      />
      <TypePick sessionId={sessionId} value={wanted.type ?? ""} onChange={(type) => want({ type })} />
      <TurnPick sessionId={sessionId} value={wanted.turn ?? ""} onChange={(turn) => want({ turn })} />
      <input
        key={wanted.text ?? ""}
        name="text"
        type="search"
        defaultValue={wanted.text ?? ""}
        aria-label={words.events.text}
        placeholder={words.events.text}
        className={FIELD}
      />
      <button type="submit" hidden />
      {!isAll && (
        <Button look="quiet" onClick={() => void navigate({ search: {}, replace: true })}>
          {words.events.clear}
        </Button>
      )}
    </form>
  );
}

interface PickProps {
  sessionId: string;
  value: string;
  onChange: (value: string) => void;
}

/** The types that the log has events of: those that were counted once, and those that came since. */
function TypePick({ sessionId, value, onChange }: PickProps) {
  const { follower } = useLog(sessionId);
  const summary = useQuery({
    queryKey: ["types", sessionId],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) =>
      body(
        await api.GET("/api/v1/sessions/{session_id}/events/summary", {
          params: { path: { session_id: sessionId } },
          signal,
        }),
      ),
  });
  const counted = summary.data?.by_type.map(({ event_type: type }) => type) ?? [];
  const types = [...new Set([...counted, ...follower.events.map(({ type }) => type)])].sort();
  return (
    <select
      aria-label={words.events.type}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={FIELD}
    >
      <option value="">{words.events.anyType}</option>
      {[...new Set(value === "" ? types : [value, ...types])].map((type) => (
        <option key={type}>{type}</option>
      ))}
    </select>
  );
}

/** The turns of the newest part of the log. */
function TurnPick({ sessionId, value, onChange }: PickProps) {
  const { follower } = useLog(sessionId);
  const turns = turnsOf(follower.events).reverse();
  const isKnown = turns.some(({ turnId }) => turnId === value);
  return (
    <select
      aria-label={words.events.turn}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={FIELD}
    >
      <option value="">{words.events.anyTurn}</option>
      {value !== "" && !isKnown && <option value={value}>{value}</option>}
      {turns.map(({ turnId, startedAt }) => (
        <option key={turnId} value={turnId}>
          {words.events.turnAt(startedAt)}
        </option>
      ))}
    </select>
  );
}
