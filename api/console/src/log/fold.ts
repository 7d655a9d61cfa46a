/**
 * The fold that makes a conversation of a log.
 *
 * The law is the server's: the state is a function of the durable events. Wherever a log is cut, and whatever of it is
 * sent again, the state is the same; deltas fill in what is still being said, and mean nothing once it is said.
 */

import type { Conversation, EndEntry } from "./conversation";
import { Draft, newCall, newStep } from "./draft";
import type { EventOf, LogEvent, Payloads, Usage } from "./event";
import { textOf } from "./event";

/** How much is kept of what a running tool prints, in characters: the newest. */
const OUTPUT_CHARS = 20_000;

type Changes = { [Type in keyof Payloads]: (draft: Draft, event: EventOf<Type>) => void };

const changes: Changes = {
  "session.title.updated": (draft, { data }) => {
    draft.head.title = data.title;
  },
  "session.idled": (draft, { data }) => {
    draft.head.turnId = null;
    draft.head.usage = data.usage ?? draft.head.usage;
    draft.head.isBusy = draft.head.isBusy && draft.head.waiting > 0;
  },
  "input.message": (draft, event) => {
    const { message } = event.data;
    const isNote = message.metadata?.source === "cancel";
    const sequence = event.sequence ?? 0;
    draft.add({ kind: "user", id: message.id, sequence, at: event.ts, content: message.content, isNote });
    if (isNote) return;
    draft.head.isBusy = true;
    if (draft.head.turnId === null) draft.head.waiting += 1;
  },
  "turn.started": (draft, { data }) => begin(draft, data.turn_id),
  "turn.completed": (draft, event) =>
    end(draft, event, "completed", { usage: event.data.usage, ms: event.data.duration_ms }),
  "turn.failed": (draft, event) =>
    end(draft, event, "failed", { words: event.data.error, code: event.data.error_code }),
  "turn.cancelled": (draft, event) =>
    end(draft, event, "cancelled", { code: event.data.reason, usage: event.data.usage }),
  "turn.sealed": (draft, event) => end(draft, event, "sealed", { words: event.data.detail, code: event.data.reason }),

  "reason.started": (draft, event) => {
    const { exec_id: id = event.id, turn_id: turnId = "" } = event.context;
    begin(draft, turnId); // how a page that starts in the middle of a turn knows of it
    const step = newStep(id, turnId, event.ts, event.sequence ?? 0);
    step.model = event.data.metadata?.model ?? null;
    draft.add(step);
  },
  "reason.thinking.started": (draft, { context }) => {
    const step = draft.stepOf(context.turn_id);
    if (step !== null) step.isThinking = true;
  },
  "reason.thinking.delta": (draft, { context, data }) => {
    const step = draft.stepOf(context.turn_id);
    if (step?.isOpen && step.isThinking) step.thinking = data.accumulated;
  },
  "reason.thinking.completed": (draft, { context, data }) => {
    const step = draft.stepOf(context.turn_id);
    if (step === null) return;
    step.thinking = data.thinking;
    step.isThinking = false;
  },
  "reason.recovered": (draft, { context }) => {
    const step = draft.stepOf(context.turn_id);
    if (step === null) return;
    step.moves += 1;
    step.text = "";
    step.thinking = "";
    step.isThinking = false;
  },
  "reason.completed": (draft, { context, data }) => {
    const step = draft.step((found) => found.id === context.exec_id);
    if (step === null) return;
    close(step);
    step.usage = data.usage ?? null;
    step.durationMs = data.duration_ms ?? null;
  },
  "output.message.started": (draft, { context, data }) => {
    const step = draft.stepOf(context.turn_id);
    if (step === null) return;
    step.messageId = data.message_id;
    step.model = data.model ?? step.model;
  },
  "output.message.delta": (draft, { context, data }) => {
    const step =
      draft.step((found) => found.messageId === data.message_id) ??
      draft.step((found) => found.turnId === context.turn_id && found.messageId === null);
    if (step?.isOpen) step.text = data.accumulated;
  },
  "output.message.completed": (draft, event) => {
    const { message, metadata, error_code } = event.data;
    const turnId = event.context.turn_id ?? draft.head.turnId ?? "";
    let step = draft.step((found) => found.messageId === message.id) ?? draft.stepOf(turnId);
    if (step === null || (!step.isOpen && step.messageId !== message.id)) {
      step = newStep(event.id, turnId, event.ts, event.sequence ?? 0);
      draft.add(step);
    }
    step.messageId = message.id;
    step.model = metadata?.model ?? step.model;
    step.text = textOf(message.content);
    step.errorCode = error_code ?? null;
    step.calls = message.content.flatMap((part) => (part.type === "tool_call" ? [newCall(part)] : []));
    close(step);
  },

  "tool.started": (draft, event) => {
    const call = draft.call(event.data.tool_call.id);
    if (call === null) return;
    call.label = event.data.display_name ?? call.label;
    call.state = "running";
    call.attempts = 1;
    call.startedAt = event.ts;
  },
  "tool.progress": (draft, { data }) => {
    const call = draft.call(data.tool_call_id);
    if (call !== null) call.progress = data.message;
  },
  "tool.output.delta": (draft, { data }) => {
    const call = draft.call(data.tool_call_id);
    if (call?.state === "running") call.output = (call.output + data.delta).slice(-OUTPUT_CHARS);
  },
  "tool.completed": (draft, { data }) => {
    const call = draft.call(data.tool_call_id);
    if (call === null) return;
    Object.assign(call, { state: "done", output: "", progress: "", question: null });
    call.label = data.display_name ?? call.label;
    call.result = data.result ?? null;
    call.error = data.error ?? null;
    call.outcome = data.status;
    call.durationMs = data.duration_ms ?? null;
    call.isOutcomeUnknown = data.outcome_unknown ?? false;
  },
  "tool.call_requested": (draft, event) => {
    for (const { id } of event.data.tool_calls) {
      const call = draft.call(id);
      if (call !== null) Object.assign(call, { state: "client", startedAt: event.ts });
    }
  },
  "tool.decision_requested": (draft, { data }) => {
    const call = draft.call(data.tool_call.id);
    if (call === null) return;
    const { attempt, headline, message, choices, expires_at: expiresAt } = data;
    call.label = data.display_name ?? call.label;
    call.state = "asked";
    call.output = "";
    call.question = { attempt, headline, message, choices, expiresAt };
    moved(draft, data.tool_call.id);
  },
  "tool.decision_made": (draft, { data }) => {
    const call = draft.call(data.tool_call_id);
    if (call === null) return;
    Object.assign(call, { state: "running", decision: data.decision, question: null });
  },
  "transcript.repaired": (draft, { data }) => {
    const call = draft.call(data.tool_call_id);
    if (call === null) return;
    if (data.action === "replay") {
      Object.assign(call, { state: "running", attempts: call.attempts + 1, output: "", progress: "" });
    }
    if (call.decision === null) moved(draft, data.tool_call_id);
  },
};

/** Return a conversation with further events in it. Durable ones that it has already are passed over. */
export function fold(before: Conversation, events: readonly LogEvent[]): Conversation {
  const draft = new Draft(before);
  for (const event of events) take(draft, event);
  return draft.done();
}

function take(draft: Draft, event: LogEvent): void {
  if (event.sequence !== undefined) {
    if (event.sequence <= draft.head.last) return;
    draft.head.first ||= event.sequence;
    draft.head.last = event.sequence;
  }
  const change = changes[event.type as keyof Payloads] as ((draft: Draft, event: LogEvent) => void) | undefined;
  change?.(draft, event);
}

function begin(draft: Draft, turnId: string): void {
  draft.head.turnId = turnId;
  draft.head.isBusy = true;
  draft.head.waiting = 0;
}

function close(step: { isOpen: boolean; isThinking: boolean }): void {
  step.isOpen = false;
  step.isThinking = false;
}

function moved(draft: Draft, callId: string): void {
  const step = draft.step((found) => found.calls.some((call) => call.id === callId));
  if (step !== null) step.moves += 1;
}

interface Ending {
  words?: string | undefined;
  code?: string | undefined;
  usage?: Usage | undefined;
  ms?: number | undefined;
}

function end(
  draft: Draft,
  event: LogEvent<string, { turn_id: string }>,
  outcome: EndEntry["outcome"],
  ending: Ending,
): void {
  // A turn takes up what is said in it, also where a page starts in its middle.
  Object.assign(draft.head, { turnId: null, isBusy: false, waiting: 0 });
  draft.add({
    kind: "end",
    id: `${event.data.turn_id} ends`,
    sequence: event.sequence ?? 0,
    turnId: event.data.turn_id,
    at: event.ts,
    outcome,
    words: ending.words ?? "",
    code: ending.code ?? null,
    usage: ending.usage ?? null,
    durationMs: ending.ms ?? null,
  });
}
