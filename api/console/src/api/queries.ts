/** What the pages ask for, each under one key. */

import { queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";

export const SESSIONS_A_PAGE = 50;

export const queries = {
  ways: queryOptions({
    queryKey: ["ways"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/auth/config", { signal })),
  }),
  /** A page of the list, from 0: the newest. */
  sessions: (search: string, page = 0) =>
    queryOptions({
      queryKey: ["sessions", search, page],
      refetchInterval: 15_000,
      queryFn: async ({ signal }) =>
        body(
          await api.GET("/api/v1/sessions", {
            params: { query: { limit: SESSIONS_A_PAGE, offset: page * SESSIONS_A_PAGE, ...(search && { search }) } },
            signal,
          }),
        ),
    }),
  session: (id: string) =>
    queryOptions({
      queryKey: ["session", id],
      queryFn: async ({ signal }) =>
        body(await api.GET("/api/v1/sessions/{session_id}", { params: { path: { session_id: id } }, signal })),
    }),
  place: (id: string) =>
    queryOptions({
      queryKey: ["place", id],
      queryFn: async ({ signal }) =>
        body(await api.GET("/api/v1/durable/sessions/{session_id}", { params: { path: { session_id: id } }, signal })),
    }),
  agents: (search: string) =>
    queryOptions({
      queryKey: ["agents", search],
      queryFn: async ({ signal }) =>
        body(await api.GET("/api/v1/agents", { params: { query: { limit: 100, search } }, signal })),
    }),
  agent: (id: string) =>
    queryOptions({
      queryKey: ["agent", id],
      queryFn: async ({ signal }) =>
        body(await api.GET("/api/v1/agents/{agent}", { params: { path: { agent: id } }, signal })),
    }),
  models: queryOptions({
    queryKey: ["models"],
    staleTime: 60_000,
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/models", { signal })),
  }),
  capabilities: queryOptions({
    queryKey: ["capabilities"],
    staleTime: 60_000,
    queryFn: async ({ signal }) =>
      body(await api.GET("/api/v1/capabilities", { params: { query: { limit: 100 } }, signal })),
  }),
};
