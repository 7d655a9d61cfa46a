/** Events that were looked for, page by page. A log only grows, so what was read stays, and news is read after it. */

import type { EventsQuery } from "../api/client";
import type { LogEvent } from "../log/event";

export const PAGE = 200;

export interface Page {
  data: LogEvent[];
  /** How many there were in all, if that was counted. */
  total: number | null;
  /** Up to which sequence the log has been looked through. */
  end: number;
  /** Whether there may be more of what was there then. */
  isFull: boolean;
}

export interface From {
  after: number;
  /** Whether it is about what came since all was read. */
  isNews: boolean;
}

export const BEGINNING: From = { after: 0, isNews: false };

/** Return which part to ask for. What came since is little, and the server need not count what it is asked for whole. */
export function partOf({ after, isNews }: From): EventsQuery {
  return { after_sequence: after, ...(!isNews && { limit: PAGE }) };
}

/** Return a page of what was read when the log was so long. */
export function pageOf(data: LogEvent[], total: number | null, length: number, { isNews }: From): Page {
  const isFull = !isNews && data.length === PAGE;
  const last = data.at(-1)?.sequence ?? 0;
  return { data, total, isFull, end: isFull ? last : Math.max(length, last) };
}

/** Return where the next page begins; undefined while the log is not longer than what was looked through. */
export function nextOf({ isFull, end }: Page, length: number): From | undefined {
  return isFull || length > end ? { after: end, isNews: !isFull } : undefined;
}

/** Return how many there are: once all is read it need not be counted. */
export function countOf(pages: readonly Page[]): number {
  const read = pages.reduce((sum, { data }) => sum + data.length, 0);
  return pages.at(-1)?.isFull ? Math.max(read, pages.findLast(({ total }) => total !== null)?.total ?? 0) : read;
}
