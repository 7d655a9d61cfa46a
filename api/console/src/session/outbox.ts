/**
 * What was written and is not in the log yet. A message keeps its key until the server has answered, so that whatever
 * breaks it is sent again and accepted once; a reload finds it where it was. It is sent whichever page is open.
 */

import { api, Refusal } from "../api/client";
import type { Attached } from "../log/event";
import { words } from "../words";

export interface Wish {
  model?: string;
  effort?: Effort;
}

export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh";

export interface Letter extends Wish {
  key: string;
  /** Who wrote it; unset where that was not known yet. */
  author?: string;
  text: string;
  images?: Attached[];
  /** When somebody last wanted it sent, in ms; unset where an older page kept it. */
  wantedAt?: number;
  /** The message that it became. */
  messageId?: string;
  /** Why it is not sent by itself. */
  refusal?: string | undefined;
}

const PAUSE_MS = 700;
/** For so long the server knows a key (docs/wire.md, "Idempotency"): after that, what it has already is said twice. */
const KNOWN_MS = 24 * 60 * 60 * 1_000;
const UNAUTHENTICATED = 401;
const PREFIX = "perdure.outbox.";

/** Whose page it is, once that is known. */
let author: string | null = null;
/** Whether somebody else may have logged in meanwhile: then nothing is sent. */
let isHeld = true;

export class Outbox {
  private letters: readonly Letter[];
  private readonly readers = new Set<() => void>();
  private isDelivering = false;
  private isDropped = false;

  constructor(private readonly sessionId: string) {
    const kept = JSON.parse(sessionStorage.getItem(this.box) ?? "[]") as Letter[];
    this.letters = kept.filter(isUnsent).map(asFound); // what became a message is in the log, however far back
  }

  readonly subscribe = (reader: () => void): (() => void) => {
    this.readers.add(reader);
    void this.deliver();
    return () => {
      this.readers.delete(reader);
      this.change(this.letters);
    };
  };

  readonly current = (): readonly Letter[] => this.letters;

  readonly send = (text: string, wish: Wish, images: Attached[] = []): void => {
    const key = crypto.getRandomValues(new Uint32Array(4)).join("-");
    this.change([...this.letters, { key, ...signed(), text, images, wantedAt: Date.now(), ...wish }]);
    void this.deliver();
  };

  readonly again = (key: string): void => {
    this.patch(key, { refusal: undefined, wantedAt: Date.now(), ...signed() });
    void this.deliver();
  };

  readonly discard = (key: string): void => this.change(this.letters.filter((letter) => letter.key !== key));

  /** Let go of what is in the log. */
  settle(isThere: (messageId: string) => boolean): void {
    const waiting = this.letters.filter(({ messageId }) => messageId === undefined || !isThere(messageId));
    if (waiting.length < this.letters.length) this.change(waiting);
  }

  /** Send what waits, one after the other, so that what was said first comes first. */
  async deliver(): Promise<void> {
    if (this.isDelivering) return;
    this.isDelivering = true;
    try {
      for (let due = this.next(); due !== undefined; due = this.next()) {
        const news = await this.attempt(due);
        if (news === "later") break;
        this.patch(due.key, news);
      }
    } finally {
      this.isDelivering = false;
    }
  }

  /** Neither send nor keep anything more: it is of somebody who is not here any more. */
  drop(): void {
    this.isDropped = true;
  }

  private next(): Letter | undefined {
    if (this.isDropped || isHeld) return undefined;
    return this.letters.find((letter) => isUnsent(letter) && letter.refusal === undefined && isOurs(letter));
  }

  /** Return what became of a letter; "later" where nobody is logged in: whoever comes back opens the page anew. */
  private async attempt(letter: Letter): Promise<Partial<Letter> | "later"> {
    if (Date.now() - (letter.wantedAt ?? 0) >= KNOWN_MS) return { refusal: words.chat.old };
    try {
      return { messageId: await post(this.sessionId, letter) };
    } catch (error) {
      if (error instanceof Refusal && error.status === UNAUTHENTICATED) return "later";
      if (error instanceof Refusal && !error.isPassing) return { refusal: error.message };
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      return {};
    }
  }

  private patch(key: string, news: Partial<Letter>): void {
    this.change(this.letters.map((letter) => (letter.key === key ? { ...letter, ...news } : letter)));
  }

  private change(letters: readonly Letter[]): void {
    if (this.isDropped) return;
    // What was sent is shown until it is in the log: to whoever looks.
    this.letters = this.readers.size > 0 ? letters : letters.filter(isUnsent);
    this.keep();
    for (const reader of this.readers) reader();
  }

  private keep(): void {
    try {
      if (this.letters.length === 0) sessionStorage.removeItem(this.box);
      else sessionStorage.setItem(this.box, JSON.stringify(this.letters));
    } catch {
      sessionStorage.removeItem(this.box); // it is too long to be kept, and what was kept before is not what waits
    }
  }

  private get box(): string {
    return `${PREFIX}${this.sessionId}`;
  }
}

const outboxes = new Map<string, Outbox>();

/** Return the one outbox of a session. */
export function outboxOf(sessionId: string): Outbox {
  const found = outboxes.get(sessionId) ?? new Outbox(sessionId);
  outboxes.set(sessionId, found);
  return found;
}

/** Send what waits of somebody's, also since before the page was left: they are logged in. */
export function deliverFor(whom: string): void {
  [author, isHeld] = [whom, false];
  const boxes = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));
  for (const name of boxes) outboxOf(name.slice(PREFIX.length));
  for (const outbox of outboxes.values()) void outbox.deliver();
}

/** Send nothing until it is known again who is logged in. */
export function holdOutboxes(): void {
  isHeld = true;
}

/** Let go of all that waits, also of what is on its way. */
export function dropOutboxes(): void {
  for (const outbox of outboxes.values()) outbox.drop();
  outboxes.clear();
  [author, isHeld] = [null, true];
}

function isUnsent({ messageId }: Letter): boolean {
  return messageId === undefined;
}

function signed(): Pick<Letter, "author"> {
  return author === null ? {} : { author };
}

/** Whether whoever is here wrote it. One that nobody signed, and may be sent, was written on this page. */
function isOurs(letter: Letter): boolean {
  return (letter.author ?? author) === author;
}

/** Return what an earlier page kept, as it is here: what nobody signed waits for somebody who wants it. */
function asFound(letter: Letter): Letter {
  return letter.author === undefined ? { refusal: words.chat.unsigned, ...letter } : letter;
}

function contentOf({ text, images = [] }: Letter) {
  return [
    ...(text.trim() === "" ? [] : [{ type: "text" as const, text }]),
    ...images.map(({ id, filename }) => ({ type: "image_file" as const, image_id: id, filename })),
  ];
}

async function post(sessionId: string, letter: Letter): Promise<string> {
  const controls = {
    ...(letter.model !== undefined && { model_id: letter.model }),
    ...(letter.effort !== undefined && { reasoning: { effort: letter.effort } }),
  };
  const reply = await api.POST("/api/v1/sessions/{session_id}/messages", {
    params: { path: { session_id: sessionId }, header: { "Idempotency-Key": letter.key } },
    body: { message: { content: contentOf(letter) }, controls },
  });
  return (reply.data as { id: string }).id;
}
