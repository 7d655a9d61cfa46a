/** What pages ask for about harnesses and workspaces. */

import { queryOptions } from "@tanstack/react-query";
import { api, body } from "../api/client";

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
  workspaces: queryOptions({
    queryKey: ["workspaces"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/workspaces", { signal })),
  }),
};
