/** What a log comes to for a reader. All of it is data: two of the same content are the same. */

import type { Choice, Part, Usage } from "./event";

export type CallState = "called" | "running" | "client" | "asked" | "done";

/** What a person is asked about a call that a crash cut off. */
export interface Question {
  attempt: number;
  headline: string;
  message: string;
  expiresAt: string;
  choices: Choice[];
}

export interface ToolCall {
  id: string;
  name: string;
  label: string;
  arguments: Record<string, unknown>;
  state: CallState;
  /** How often it began: a crash may have it begin again. */
  attempts: number;
  startedAt: string | null;
  durationMs: number | null;
  /** What it prints while it runs; afterwards its result is all. */
  output: string;
  progress: string;
  result: Part[] | null;
  error: string | null;
  /** success, error, timeout or cancelled, once it is done. */
  outcome: string | null;
  isOutcomeUnknown: boolean;
  question: Question | null;
  decision: string | null;
}

export interface UserEntry {
  kind: "user";
  id: string;
  sequence: number;
  at: string;
  content: Part[];
  /** Whether it only notes that somebody cancelled. */
  isNote: boolean;
}

/** One call of the model, with the tools that it called. */
export interface StepEntry {
  kind: "step";
  id: string;
  sequence: number;
  turnId: string;
  at: string;
  model: string | null;
  thinking: string;
  isThinking: boolean;
  messageId: string | null;
  text: string;
  /** Whether more of its text may come. */
  isOpen: boolean;
  errorCode: string | null;
  calls: ToolCall[];
  usage: Usage | null;
  durationMs: number | null;
  /** How often the session moved to another process while this went on. */
  moves: number;
}

export interface EndEntry {
  kind: "end";
  id: string;
  sequence: number;
  turnId: string;
  at: string;
  outcome: "completed" | "failed" | "cancelled" | "sealed";
  words: string;
  code: string | null;
  usage: Usage | null;
  durationMs: number | null;
}

export type Entry = UserEntry | StepEntry | EndEntry;

export interface Conversation {
  /** The sequences of the first and the last event that are in it; 0 when there is none. */
  first: number;
  last: number;
  entries: readonly Entry[];
  /** The turn that is open. */
  turnId: string | null;
  /** Messages that no turn has taken up. */
  waiting: number;
  /** Whether something is to be answered: a turn is open, or a message waits for one. */
  isBusy: boolean;
  title: string | null;
  usage: Usage | null;
}

export const EMPTY: Conversation = {
  first: 0,
  last: 0,
  entries: [],
  turnId: null,
  waiting: 0,
  isBusy: false,
  title: null,
  usage: null,
};
