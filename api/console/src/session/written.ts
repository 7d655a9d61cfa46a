/** What somebody writes to a session, or to one that is not there yet: it outlives a look at another tab, and a reload. */

import { useState } from "react";
import type { Wish } from "./outbox";

export interface Written {
  text: string;
  wish: Wish;
}

const NOTHING: Written = { text: "", wish: {} };

const placeOf = (sessionId: string | undefined) => `perdure.written.${sessionId ?? "new"}`;

function read(place: string): Written {
  return JSON.parse(sessionStorage.getItem(place) ?? "null") ?? NOTHING;
}

function keep(place: string, written: Written): void {
  try {
    sessionStorage.setItem(place, JSON.stringify(written));
  } catch {
    sessionStorage.removeItem(place); // it is too long to be kept, and half of it would be another text
  }
}

export function useWritten(sessionId: string | undefined): [Written, (change: Partial<Written>) => void] {
  const place = placeOf(sessionId);
  const [written, setWritten] = useState(() => read(place));
  const change = (news: Partial<Written>) => {
    const made = { ...written, ...news };
    keep(place, made);
    setWritten(made);
  };
  return [written, change];
}

/** Keep nothing more of what began a session. */
export function dropWritten(): void {
  sessionStorage.removeItem(placeOf(undefined));
}
