/** What becomes of a page whose login ran out, once somebody has logged in again: of one user nothing is left for the next. */

import type { QueryClient } from "@tanstack/react-query";
import { api, body, Refusal } from "./api/client";
import { whenStanding } from "./api/standing";
import { dropDrafts } from "./session/drafts";
import { deliverFor, dropOutboxes, holdOutboxes } from "./session/outbox";

const OURS = "perdure.";
const WHOSE = `${OURS}whose`;
const PAUSE_MS = 1_000;

/** Whether this page knows whose login it has. */
let isKnown = false;
/** How often it was over: what was asked before is of no use then. */
let ends = 0;

/** Return who asks, as soon as the server says so. Raises Refusal where it lets nobody in. */
async function whoAsks(): Promise<string> {
  for (;;) {
    try {
      const { id, organization_id: organization } = body(await api.GET("/api/v1/auth/me"));
      return `${id} ${organization}`;
    } catch (error) {
      if (!(error instanceof Refusal && error.mayPass)) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/** Keep what is of whoever asks, and send what waits of it. Return whether something was of somebody else. */
async function meet(): Promise<boolean> {
  const before = ends;
  const is = await whoAsks();
  if (before !== ends) return false;
  const was = sessionStorage.getItem(WHOSE);
  const isAnother = was !== null && was !== is;
  if (isAnother) forget();
  sessionStorage.setItem(WHOSE, is);
  isKnown = true;
  deliverFor(is);
  return isAnother;
}

async function goOn(queries: QueryClient, isBack: boolean): Promise<void> {
  if (await meet()) return location.replace("/");
  if (isBack) await queries.invalidateQueries(); // what was refused meanwhile is asked for again
}

/** Leave nothing of whoever was here for whoever comes. */
export function forget(): void {
  dropDrafts();
  dropOutboxes();
  sessionStorage.clear();
}

/** Find out who asks before anything is shown, where something is kept that may be somebody else's. */
export async function beforeShown(): Promise<void> {
  const isAnythingKept = Object.keys(sessionStorage).some((name) => name.startsWith(OURS));
  if (isAnythingKept) await meet().catch(() => undefined); // the page sends whoever is not let in to log in
}

export function watchLogins(queries: QueryClient): void {
  document.addEventListener("visibilitychange", () => {
    const isOver = ends > 0 && !isKnown;
    if (isOver && document.visibilityState === "visible") void queries.invalidateQueries(); // they may have logged in beside
  });
  whenStanding((before) => {
    if (before === "in") {
      isKnown = false;
      ends += 1;
      holdOutboxes();
    } else if (!isKnown) void goOn(queries, before === "out").catch(() => undefined); // it is over again
  });
}
