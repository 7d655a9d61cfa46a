/** A turn as spans of time: each call of the model and of a tool, and the waits for a client or a person. */

import type { LogEvent, Payloads, Usage } from "./event";

export interface Span {
  id: string;
  kind: "model" | "tool" | "wait";
  name: string;
  /** Milliseconds since the turn began. */
  startMs: number;
  /** Null while it goes on. */
  endMs: number | null;
  isBad: boolean;
  usage: Usage | null;
  sequence: number;
}

export interface TurnSpans {
  turnId: string;
  startedAt: string;
  durationMs: number | null;
  outcome: string | null;
  moves: number[];
  spans: Span[];
}

const ENDS = new Set(["turn.completed", "turn.failed", "turn.cancelled", "turn.sealed"]);

type Of<Type extends keyof Payloads> = Payloads[Type];

/** Return the turns of a part of a log, the oldest first; one whose beginning is not there is left out. */
export function turnsOf(events: readonly LogEvent[]): TurnSpans[] {
  const turns = new Map<string, TurnSpans>();
  for (const event of events) {
    const turnId = event.context.turn_id ?? (event.data as { turn_id?: string }).turn_id ?? "";
    if (event.type === "turn.started") {
      turns.set(turnId, { turnId, startedAt: event.ts, durationMs: null, outcome: null, moves: [], spans: [] });
    }
    const turn = turns.get(turnId);
    if (turn !== undefined) take(turn, event);
  }
  return [...turns.values()];
}

function take(turn: TurnSpans, event: LogEvent): void {
  const at = Date.parse(event.ts) - Date.parse(turn.startedAt);
  if (ENDS.has(event.type)) {
    turn.durationMs = at;
    turn.outcome = event.type.slice("turn.".length);
  }
  if (event.type === "reason.recovered" || event.type === "transcript.repaired") turn.moves.push(at);
  opening(turn, event, at);
  closing(turn, event, at);
}

function opening(turn: TurnSpans, event: LogEvent, at: number): void {
  const add = (id: string, kind: Span["kind"], name: string) =>
    turn.spans.push({
      id,
      kind,
      name,
      startMs: at,
      endMs: null,
      isBad: false,
      usage: null,
      sequence: event.sequence ?? 0,
    });
  if (event.type === "reason.started") {
    add(event.context.exec_id ?? event.id, "model", (event.data as Of<"reason.started">).metadata?.model ?? "");
  } else if (event.type === "tool.started") {
    const { tool_call, display_name } = event.data as Of<"tool.started">;
    add(tool_call.id, "tool", display_name ?? tool_call.name);
  } else if (event.type === "tool.call_requested") {
    for (const call of (event.data as Of<"tool.call_requested">).tool_calls) add(call.id, "wait", call.name);
  } else if (event.type === "tool.decision_requested") {
    const { tool_call, display_name } = event.data as Of<"tool.decision_requested">;
    add(`${tool_call.id} decision`, "wait", display_name ?? tool_call.name);
  }
}

function closing(turn: TurnSpans, event: LogEvent, at: number): void {
  if (event.type === "reason.completed") {
    const { success, usage } = event.data as Of<"reason.completed">;
    close(turn, event.context.exec_id ?? "", at, !success, usage ?? null);
  } else if (event.type === "tool.completed") {
    const { tool_call_id: id, success } = event.data as Of<"tool.completed">;
    close(turn, `${id} decision`, at, false, null);
    close(turn, id, at, !success, null);
  } else if (event.type === "tool.decision_made") {
    close(turn, `${(event.data as Of<"tool.decision_made">).tool_call_id} decision`, at, false, null);
  }
}

function close(turn: TurnSpans, id: string, at: number, isBad: boolean, usage: Usage | null): void {
  const span = turn.spans.findLast((found) => found.id === id && found.endMs === null);
  if (span !== undefined) Object.assign(span, { endMs: at, isBad, usage });
}
