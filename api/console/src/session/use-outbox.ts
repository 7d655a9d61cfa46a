import { useEffect, useSyncExternalStore } from "react";
import type { Conversation } from "../log/conversation";
import { outboxOf } from "./outbox";

/** Return what is on its way into a session's log, and what can be done about it. */
export function useOutbox(sessionId: string, conversation: Conversation) {
  const outbox = outboxOf(sessionId);
  const letters = useSyncExternalStore(outbox.subscribe, outbox.current);
  const isThere = (messageId: string) => conversation.entries.findLast(({ id }) => id === messageId) !== undefined;
  const waiting = letters.filter(({ messageId }) => messageId === undefined || !isThere(messageId));
  useEffect(() => outbox.settle(isThere));
  const { send, again, discard } = outbox;
  return { waiting, send, again, discard };
}
