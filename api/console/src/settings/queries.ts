/** What the settings ask for. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask, body, refusalOf, type Schemas } from "../api/client";
import { saveFile } from "../parts/save";

export type Role = Schemas["MemberReply"]["role"];
export const ROLES: readonly Role[] = ["viewer", "member", "admin", "owner"];

export interface AuditWish {
  action?: string;
  subject_id?: string;
  since?: string;
}

export const settings = {
  me: queryOptions({
    queryKey: ["me"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/auth/me", { signal })),
  }),
  organization: queryOptions({
    queryKey: ["organization"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/resolve-org", { signal })),
  }),
  organizations: queryOptions({
    queryKey: ["organizations"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/orgs", { signal })).data,
  }),
  connections: queryOptions({
    queryKey: ["connections"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/user/connections", { signal })).data,
  }),
  keys: queryOptions({
    queryKey: ["secret keys"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/secret-keys", { signal })).data,
  }),
  limits: queryOptions({
    queryKey: ["limits"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/limits", { signal })),
  }),
  members: (orgId: string) =>
    queryOptions({
      queryKey: ["members", orgId],
      queryFn: async ({ signal }) =>
        body(await api.GET("/api/v1/orgs/{org_id}/members", { params: { path: { org_id: orgId } }, signal })).data,
    }),
  tokens: queryOptions({
    queryKey: ["tokens"],
    queryFn: async ({ signal }) => body(await api.GET("/api/v1/auth/personal-access-tokens", { signal })).data,
  }),
  audit: (wish: AuditWish) =>
    infiniteQueryOptions({
      queryKey: ["audit", wish],
      initialPageParam: undefined as string | undefined,
      queryFn: async ({ pageParam, signal }) => {
        const query = { ...wish, ...(pageParam && { before_id: pageParam }) };
        return body(await api.GET("/api/v1/audit", { params: { query }, signal }));
      },
      getNextPageParam: (last) => (last.next_url ? last.data.at(-1)?.id : undefined),
    }),
};

/** Hand all of the log that a wish means to the reader, as lines of JSON. */
export async function exportAudit(wish: AuditWish): Promise<void> {
  const query = new URLSearchParams(Object.entries(wish));
  const reply = await ask(new Request(`/api/v1/audit/export?${query}`));
  if (!reply.ok) throw await refusalOf(reply);
  saveFile("audit.ndjson", await reply.blob());
}
