/**
 * What was written and is not in the log yet. A message keeps its key until the server has answered, so that whatever
 * breaks it is sent again and accepted once; a reload finds it where it was.
 */

import { useCallback, useEffect, useState } from "react";
import { api, Refusal } from "../api/client";
import type { Conversation } from "../log/conversation";
import type { Attached } from "../log/event";

export interface Wish {
  model?: string;
  effort?: Effort;
}

export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh";

export interface Letter extends Wish {
  key: string;
  text: string;
  images?: Attached[];
  /** The message that it became. */
  messageId?: string;
  /** Why it was refused for good. */
  refusal?: string | undefined;
}

const PAUSE_MS = 700;

const boxOf = (sessionId: string) => `perdure.outbox.${sessionId}`;

/** Return what is in a session's box. What became a message is in the log, however far back. */
function read(sessionId: string): Letter[] {
  const kept = JSON.parse(sessionStorage.getItem(boxOf(sessionId)) ?? "[]") as Letter[];
  return kept.filter(({ messageId }) => messageId === undefined);
}

function write(sessionId: string, letters: Letter[]): void {
  if (letters.length === 0) sessionStorage.removeItem(boxOf(sessionId));
  else sessionStorage.setItem(boxOf(sessionId), JSON.stringify(letters));
}

/** Put a message into a session's box, before its page is open: whoever opens the page sends it. */
export function post(sessionId: string, text: string, wish: Wish, images: Attached[] = []): void {
  write(sessionId, [...read(sessionId), letterOf(text, wish, images)]);
}

function letterOf(text: string, wish: Wish, images: Attached[]): Letter {
  return { key: crypto.getRandomValues(new Uint32Array(4)).join("-"), text, images, ...wish };
}

function contentOf({ text, images = [] }: Letter) {
  return [
    ...(text.trim() === "" ? [] : [{ type: "text" as const, text }]),
    ...images.map(({ id, filename }) => ({ type: "image_file" as const, image_id: id, filename })),
  ];
}

async function deliver(sessionId: string, letter: Letter): Promise<string> {
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

export function useOutbox(sessionId: string, conversation: Conversation) {
  const [letters, setLetters] = useState(() => read(sessionId));
  const change = useCallback(
    (make: (before: Letter[]) => Letter[]) =>
      setLetters((before) => {
        const made = make(before);
        write(sessionId, made);
        return made;
      }),
    [sessionId],
  );
  const patch = useCallback(
    (key: string, news: Partial<Letter>) =>
      change((before) => before.map((letter) => (letter.key === key ? { ...letter, ...news } : letter))),
    [change],
  );

  // One after the other, so that what was said first comes first.
  const next = letters.find((letter) => letter.messageId === undefined && letter.refusal === undefined);
  const nextKey = next?.key;
  useEffect(() => {
    const due = read(sessionId).find((letter) => letter.key === nextKey);
    if (due === undefined) return;
    let isOver = false;
    const attempt = async (): Promise<void> => {
      try {
        patch(due.key, { messageId: await deliver(sessionId, due) });
      } catch (error) {
        if (error instanceof Refusal && !error.isPassing) patch(due.key, { refusal: error.message });
        else if (!isOver) setTimeout(() => isOver || void attempt(), PAUSE_MS);
      }
    };
    void attempt();
    return () => {
      isOver = true;
    };
  }, [nextKey, sessionId, patch]);

  const isThere = (messageId: string) => conversation.entries.findLast(({ id }) => id === messageId) !== undefined;
  const waiting = letters.filter(({ messageId }) => messageId === undefined || !isThere(messageId));
  const hasArrived = waiting.length < letters.length;
  useEffect(() => {
    if (hasArrived) change((before) => before.filter((letter) => waiting.some(({ key }) => key === letter.key)));
  });

  const send = useCallback(
    (text: string, wish: Wish, images: Attached[] = []) =>
      change((before) => [...before, letterOf(text, wish, images)]),
    [change],
  );
  return {
    waiting,
    send,
    again: (key: string) => patch(key, { refusal: undefined }),
    discard: (key: string) => change((before) => before.filter((letter) => letter.key !== key)),
  };
}
