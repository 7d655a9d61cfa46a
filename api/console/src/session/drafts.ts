/**
 * What somebody has typed and not sent, by what it is for: it outlives the part of the page that it is typed into, which
 * goes when another tab is looked at, a row is scrolled away, or something cannot be read. No secret is kept here.
 */

import { useCallback, useSyncExternalStore } from "react";

const kept = new Map<string, unknown>();
const readers = new Set<() => void>();

function subscribe(reader: () => void): () => void {
  readers.add(reader);
  return () => readers.delete(reader);
}

/** Return what is kept under a key, else `nothing`, which is one and the same each time. */
export function draftOf<T>(key: string, nothing: T): T {
  return kept.has(key) ? (kept.get(key) as T) : nothing;
}

/** Make another draft of what there is. Whoever shows it is told; `nothing` is not kept. */
export function changeDraft<T>(key: string, nothing: T, make: (before: T) => T): void {
  const made = make(draftOf(key, nothing));
  if (made === nothing) kept.delete(key);
  else kept.set(key, made);
  for (const reader of readers) reader();
}

/** Whether something would be lost with the page. */
export function isAnythingKept(): boolean {
  return kept.size > 0;
}

export function dropDrafts(): void {
  kept.clear();
  for (const reader of readers) reader();
}

/** Return a draft, and how it is changed, also by what is not shown any more. */
export function useDraft<T>(key: string, nothing: T): [T, (make: (before: T) => T) => void] {
  const draft = useSyncExternalStore(subscribe, () => draftOf(key, nothing));
  const change = useCallback((make: (before: T) => T) => changeDraft(key, nothing, make), [key, nothing]);
  return [draft, change];
}

/** Return for what there are drafts whose keys begin so: the rest of their keys. */
export function drafted(prefix: string): string[] {
  return [...kept.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
}

const SEPARATOR = "\n";

/** Return what `drafted` does, now and whenever it is something else. */
export function useDrafted(prefix: string): string[] {
  const all = useSyncExternalStore(subscribe, () => drafted(prefix).join(SEPARATOR));
  return all === "" ? [] : all.split(SEPARATOR);
}
