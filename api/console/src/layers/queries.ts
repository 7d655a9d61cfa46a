/** What pages ask for about harnesses and workspaces. */

import { queryOptions } from "@tanstack/react-query";
import { api, body } from "../api/client";

/** What resolves to something, by its id. */
export interface Resolvable {
  kind: "agent" | "harness" | "session";
  id: string;
}

function resolve({ kind, id }: Resolvable, signal: AbortSignal) {
  if (kind === "agent") return api.GET("/api/v1/agents/{agent}/resolved", { params: { path: { agent: id } }, signal });
  if (kind === "harness")
    return api.GET("/api/v1/harnesses/{harness}/resolved", { params: { path: { harness: id } }, signal });
  return api.GET("/api/v1/sessions/{session_id}/resolved", { params: { path: { session_id: id } }, signal });
}

const SESSIONS_SHOWN = 5;

export const layers = {
  harnesses: (search: string) =>
    queryOptions({
      queryKey: ["harnesses", search],
      queryFn: async ({ signal }) =>
        body(await api.GET("/api/v1/harnesses", { params: { query: { search } }, signal })).data,
    }),
  harness: (id: string) =>
    queryOptions({
      queryKey: ["harness", id],
      queryFn: async ({ signal }) =>
        body(await api.GET("/api/v1/harnesses/{harness}", { params: { path: { harness: id } }, signal })),
    }),
  resolved: (which: Resolvable) =>
    queryOptions({
      queryKey: ["resolved", which.kind, which.id],
      queryFn: async ({ signal }) => body(await resolve(which, signal)),
    }),
  sessionsOf: (agentId: string) =>
    queryOptions({
      queryKey: ["sessions of", agentId],
      queryFn: async ({ signal }) =>
        body(
          await api.GET("/api/v1/sessions", {
            params: { query: { agent_id: agentId, limit: SESSIONS_SHOWN } },
            signal,
          }),
        ),
    }),
  workspaces: queryOptions({
    queryKey: ["workspaces"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/workspaces", { signal })),
  }),
};
