/** Whether whoever looks is let in, as replies have said since the page was loaded. */

import { useSyncExternalStore } from "react";

type Standing = "unknown" | "in" | "out";

let standing: Standing = "unknown";
const readers = new Set<(before: Standing) => void>();
let onStranger: () => void = () => undefined;

/** Hear of those who are refused and have not been let in before: nothing of theirs is on the page. */
export function whenStranger(call: () => void): void {
  onStranger = call;
}

/** Hear of whoever is let in again, or not any more, and of what was before. */
export function whenStanding(reader: (before: Standing) => void): () => void {
  readers.add(reader);
  return () => readers.delete(reader);
}

export function letIn(): void {
  become("in");
}

export function refused(): void {
  if (standing === "unknown") onStranger();
  else become("out");
}

function become(next: Standing): void {
  const before = standing;
  standing = next;
  if (next !== before) for (const reader of readers) reader(before);
}

export function useStanding(): Standing {
  return useSyncExternalStore(whenStanding, () => standing);
}
