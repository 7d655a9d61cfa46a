/** A conversation while events are folded into it: what is changed is copied once, the rest is shared. */

import type { Conversation, EndEntry, Entry, StepEntry, ToolCall, UserEntry } from "./conversation";
import type { CallPart } from "./event";

type Head = Omit<Conversation, "entries">;

export class Draft {
  readonly head: { -readonly [Key in keyof Head]: Head[Key] };
  private entries: Entry[];
  private isCopied = false;
  private readonly own = new Set<Entry>();

  constructor(private readonly before: Conversation) {
    const { entries, ...head } = before;
    this.head = head;
    this.entries = entries as Entry[];
  }

  /** Return the conversation; the same one if nothing was changed. */
  done(): Conversation {
    const made: Conversation = { ...this.head, entries: this.entries };
    const isSame = (Object.keys(made) as (keyof Conversation)[]).every((key) => made[key] === this.before[key]);
    return isSame ? this.before : made;
  }

  add(entry: UserEntry | StepEntry | EndEntry): void {
    this.copy();
    this.own.add(entry);
    this.entries.push(entry);
  }

  /** Return the newest step that `isIt`, to be changed. */
  step(isIt: (step: StepEntry) => boolean): StepEntry | null {
    for (let at = this.entries.length - 1; at >= 0; at--) {
      const entry = this.entries[at];
      if (entry?.kind === "step" && isIt(entry)) return this.owned(at, entry);
    }
    return null;
  }

  /** Return the newest step of a turn, to be changed. */
  stepOf(turnId: string | undefined): StepEntry | null {
    return this.step((step) => turnId === undefined || step.turnId === turnId);
  }

  /** Return a call, to be changed: of those with its id, which vendors may use again, the newest. */
  call(id: string): ToolCall | null {
    const step = this.step((found) => found.calls.some((call) => call.id === id));
    const at = step?.calls.findIndex((call) => call.id === id) ?? -1;
    const found = step?.calls[at];
    if (step === null || found === undefined) return null;
    const copied = { ...found };
    step.calls = step.calls.with(at, copied);
    return copied;
  }

  private owned(at: number, entry: StepEntry): StepEntry {
    if (this.own.has(entry)) return entry;
    this.copy();
    const copied = { ...entry };
    this.own.add(copied);
    this.entries[at] = copied;
    return copied;
  }

  private copy(): void {
    if (!this.isCopied) this.entries = [...this.entries];
    this.isCopied = true;
  }
}

/** Return a step that has just begun. */
export function newStep(id: string, turnId: string, at: string, sequence: number): StepEntry {
  return {
    kind: "step",
    id,
    sequence,
    turnId,
    at,
    model: null,
    thinking: "",
    isThinking: false,
    messageId: null,
    text: "",
    isOpen: true,
    errorCode: null,
    calls: [],
    usage: null,
    durationMs: null,
    moves: 0,
  };
}

/** Return a call as the model asked for it. */
export function newCall(part: Omit<CallPart, "type">): ToolCall {
  return {
    id: part.id,
    name: part.name,
    label: part.name,
    arguments: part.arguments,
    state: "called",
    attempts: 0,
    startedAt: null,
    durationMs: null,
    output: "",
    progress: "",
    result: null,
    error: null,
    outcome: null,
    isOutcomeUnknown: false,
    question: null,
    decision: null,
  };
}
