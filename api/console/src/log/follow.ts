/** Follows a session: its newest page, then what happens, across whatever dies on the way. */

import { api, Refusal } from "../api/client";
import { read } from "../exact";
import { type Conversation, EMPTY } from "./conversation";
import type { LogEvent } from "./event";
import { fold } from "./fold";
import { whileSeen } from "./seen";
import { frames } from "./sse";

const PAGE = 600;
/** Before which everything is: a page before something begins with its first turn, unless that is very long. */
const END = Number.MAX_SAFE_INTEGER;
const BACK_AT_ONCE_MS = 100;
const BACK_AT_MOST_MS = 3_000;
/** Who logs in again goes on here. */
const LOGGED_OUT = 401;
/** Events that come within a moment are shown together. */
const GATHER_MS = 30;

export type Line = "opening" | "live" | "broken" | "refused";

export interface View {
  conversation: Conversation;
  line: Line;
  refusal: Refusal | null;
  isReadingBack: boolean;
}

export class Follower {
  private view: View = { conversation: EMPTY, line: "opening", refusal: null, isReadingBack: false };
  private durable: LogEvent[] = [];
  /** The last sequence that this line has brought; null before the first. */
  private seen: number | null = null;
  private readonly gathered: LogEvent[] = [];
  private gathering: ReturnType<typeof setTimeout> | null = null;
  private readonly readers = new Set<() => void>();
  private stop = new AbortController();
  private hurry: () => void = () => undefined;

  constructor(readonly sessionId: string) {}

  /** Follow for as long as somebody looks. */
  readonly subscribe = (reader: () => void): (() => void) => {
    this.readers.add(reader);
    if (this.readers.size === 1) this.begin();
    return () => {
      this.readers.delete(reader);
      if (this.readers.size === 0) this.end();
    };
  };

  readonly current = (): View => this.view;

  /** The durable events that are here, oldest first. */
  get events(): readonly LogEvent[] {
    return this.durable;
  }

  /** Return the event of a sequence, if it is here. One that the server does not know leaves a hole. */
  eventAt(sequence: number): LogEvent | undefined {
    let at = Math.min(sequence - this.view.conversation.first, this.durable.length - 1);
    while ((this.durable[at]?.sequence ?? 0) > sequence) at -= 1;
    const event = this.durable[at];
    return event?.sequence === sequence ? event : undefined;
  }

  /** Begin anew where the server had refused. */
  readonly again = (): void => {
    this.end();
    this.show({ line: "opening", refusal: null });
    this.begin();
  };

  /** Read the page before what is here. */
  async readBack(): Promise<void> {
    const { conversation } = this.view;
    if (this.view.isReadingBack || conversation.first <= 1) return;
    this.show({ isReadingBack: true });
    try {
      const older = await this.page(conversation.first);
      this.durable = [...older, ...this.durable];
      this.show({ conversation: fold(EMPTY, this.durable) });
    } finally {
      this.show({ isReadingBack: false });
    }
  }

  private begin(): void {
    this.stop = new AbortController();
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    void this.run(this.stop.signal);
  }

  private end(): void {
    this.stop.abort();
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
  }

  private readonly wake = (): void => {
    if (!document.hidden) this.hurry();
  };

  private async run(stop: AbortSignal): Promise<void> {
    let pause = BACK_AT_ONCE_MS;
    while (!stop.aborted) {
      try {
        if (this.durable.length === 0) await this.readNewest(stop);
        await whileSeen(stop, (unseen) => this.listen(unseen));
        pause = BACK_AT_ONCE_MS;
      } catch (error) {
        if (stop.aborted) return;
        if (error instanceof Refusal && !error.mayPass && error.status !== LOGGED_OUT) {
          this.show({ line: "refused", refusal: error });
          return;
        }
        this.show({ line: "broken" });
        pause = Math.min(pause * 1.6, BACK_AT_MOST_MS);
      }
      await this.rest(pause, stop);
    }
  }

  private async listen(stop: AbortSignal): Promise<void> {
    this.flush();
    const last = this.view.conversation.last;
    this.seen = null;
    const path = `${location.origin}/api/v1/sessions/${this.sessionId}/sse?after_sequence=${last}`;
    for await (const frame of frames(path, stop)) {
      if (frame.event === "connected") this.show({ line: "live", refusal: null });
      else if (frame.event === "disconnecting") return;
      else if (!this.take(read(frame.data) as LogEvent)) return;
    }
  }

  /**
   * Take an event up; false if some are missing before it, which then are read again. What is missing before the first of
   * a line stays so: the server has read all that was asked for, and shows none that a newer one wrote.
   */
  private take(event: LogEvent): boolean {
    const { sequence } = event;
    if (sequence !== undefined) {
      if (this.seen !== null && sequence > this.seen + 1) return false;
      this.seen = Math.max(this.seen ?? 0, sequence);
    }
    this.gathered.push(event);
    this.gathering ??= setTimeout(this.flush, GATHER_MS);
    return true;
  }

  private readonly flush = (): void => {
    if (this.gathering !== null) clearTimeout(this.gathering);
    this.gathering = null;
    const events = this.gathered.splice(0);
    const last = this.view.conversation.last;
    for (const event of events) if ((event.sequence ?? 0) > last) this.durable.push(event);
    this.show({ conversation: fold(this.view.conversation, events) });
  };

  private async readNewest(stop: AbortSignal): Promise<void> {
    const newest = await this.page(END, stop);
    if (stop.aborted) return; // another run may have heard more
    this.durable = newest;
    this.show({ conversation: fold(EMPTY, this.durable) });
  }

  private async page(before: number, signal: AbortSignal | null = null): Promise<LogEvent[]> {
    const reply = await api.GET("/api/v1/sessions/{session_id}/events", {
      params: { path: { session_id: this.sessionId }, query: { limit: PAGE, before_sequence: before } },
      parseAs: "text",
      signal,
    });
    return (read(reply.data as unknown as string) as { data: LogEvent[] }).data;
  }

  private rest(ms: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      const now = () => {
        clearTimeout(timer);
        resolve();
      };
      this.hurry = now;
      stop.addEventListener("abort", now, { once: true });
    });
  }

  private show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    for (const reader of this.readers) reader();
  }
}

const KEPT = 6;
const followers = new Map<string, Follower>();

/** Return the one follower of a session; the sessions that were looked at last are remembered. */
export function followerOf(sessionId: string): Follower {
  const found = followers.get(sessionId) ?? new Follower(sessionId);
  followers.delete(sessionId);
  followers.set(sessionId, found);
  const oldest = followers.keys().next().value;
  if (followers.size > KEPT && oldest !== undefined) followers.delete(oldest);
  return found;
}
