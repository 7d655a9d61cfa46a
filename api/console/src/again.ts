/** What becomes of a page whose login ran out, once somebody has logged in again: of one user nothing is left for the next. */

import type { QueryClient } from "@tanstack/react-query";
import { api, body } from "./api/client";
import { whenStanding } from "./api/standing";
import { dropDrafts } from "./session/drafts";
import { deliverAll } from "./session/outbox";

const WHOSE = "perdure.whose";

async function whoAsks(): Promise<string> {
  const { id, organization_id: organization } = body(await api.GET("/api/v1/auth/me"));
  return `${id} ${organization}`;
}

async function goOn(queries: QueryClient, before: Promise<string | null>): Promise<void> {
  const [was, is] = [await before, await whoAsks()];
  if (was === is) {
    deliverAll();
    return queries.invalidateQueries(); // what was refused meanwhile is asked for again
  }
  forget();
  location.assign("/");
}

/** Send what was still waiting when the page was left, if whoever asks is the same. */
async function begin(): Promise<string> {
  const [was, is] = [sessionStorage.getItem(WHOSE), await whoAsks()];
  if (was !== null && was !== is) forget();
  sessionStorage.setItem(WHOSE, is);
  deliverAll();
  return is;
}

function forget(): void {
  dropDrafts();
  sessionStorage.clear();
}

export function watchLogins(queries: QueryClient): void {
  let first: Promise<string | null> = Promise.resolve(null);
  whenStanding((before) => {
    if (before === "unknown") first = begin().catch(() => null);
    if (before === "out") void goOn(queries, first).catch(() => undefined); // it is over again
  });
}
