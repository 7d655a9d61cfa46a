/** What an operator looks at: it is asked for anew while the page is looked at. */

import { queryOptions } from "@tanstack/react-query";
import { api, body, type Schemas } from "../api/client";

const EVERY_MS = 3_000;
const MOST = 1_000;

export type Actor = Schemas["ActorReply"];

export const operating = {
  actors: queryOptions({
    queryKey: ["actors"],
    refetchInterval: EVERY_MS,
    queryFn: async ({ signal }) =>
      body(await api.GET("/api/v1/durable/actors", { params: { query: { limit: MOST } }, signal })).data,
  }),
  decisions: queryOptions({
    queryKey: ["decisions"],
    refetchInterval: EVERY_MS,
    queryFn: async ({ signal }) =>
      body(await api.GET("/api/v1/durable/decisions", { params: { query: { limit: 100 } }, signal })),
  }),
  quarantine: queryOptions({
    queryKey: ["quarantine"],
    refetchInterval: EVERY_MS,
    queryFn: async ({ signal }) =>
      body(await api.GET("/api/v1/durable/dlq", { params: { query: { limit: 100 } }, signal })),
  }),
  breakers: queryOptions({
    queryKey: ["breakers"],
    refetchInterval: EVERY_MS,
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/durable/circuit-breakers", { signal })).data,
  }),
};
