/** What somebody has typed about calls that wait for a person: a client's answer, or what became of one that was cut off. */

import type { CallState, Conversation } from "../log/conversation";
import { changeDraft, drafted } from "./drafts";

const answers = (sessionId: string) => `answer ${sessionId} `;
const results = (sessionId: string) => `result ${sessionId} `;

export const answerKey = (sessionId: string, callId: string) => `${answers(sessionId)}${callId}`;
export const resultKey = (sessionId: string, callId: string) => `${results(sessionId)}${callId}`;

/** Let go of what was typed about calls that are done: it can never be sent. */
export function dropSettled(sessionId: string, { entries }: Pick<Conversation, "entries">): void {
  for (const prefix of [answers(sessionId), results(sessionId)]) {
    for (const callId of drafted(prefix)) {
      if (stateOf(callId, entries) === "done") changeDraft(prefix + callId, "", () => "");
    }
  }
}

/** Return the state of a call, of those with its id, which vendors may use again, the newest; undefined if it is not here. */
function stateOf(callId: string, entries: Conversation["entries"]): CallState | undefined {
  for (let at = entries.length - 1; at >= 0; at--) {
    const entry = entries[at];
    const call = entry?.kind === "step" ? entry.calls.find(({ id }) => id === callId) : undefined;
    if (call !== undefined) return call.state;
  }
  return undefined;
}
