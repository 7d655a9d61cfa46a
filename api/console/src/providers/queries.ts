/** What pages ask for about providers. */

import { queryOptions } from "@tanstack/react-query";
import { api, body } from "../api/client";

export const providers = {
  all: queryOptions({
    queryKey: ["providers"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/providers", { signal })).data,
  }),
  config: queryOptions({
    queryKey: ["providers", "config"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/providers/config", { signal })),
  }),
};

/** Take over a provider's list of models. Return how many there are now; null where it has no list to offer. */
export async function sync(id: string): Promise<number | null> {
  const path = { params: { path: { provider_id: id } } };
  const done = body(await api.POST("/api/v1/providers/{provider_id}/sync-models", path));
  return done.status === "success" ? (done.created ?? 0) + (done.updated ?? 0) : null;
}
