/** The public API, typed by its own document (schema.d.ts is generated from it: `make console-check`). */

import createClient, { type Middleware } from "openapi-fetch";
import { words } from "../words";
import type { components, paths } from "./schema";
import { letIn, refused } from "./standing";

export type Schemas = components["schemas"];
export type Session = Schemas["SessionReply"];
export type Agent = Schemas["AgentReply"];
export type Model = Schemas["ModelReply"];
export type CapabilityInfo = Schemas["CapabilityInfo"];
export type EventsQuery = NonNullable<paths["/api/v1/sessions/{session_id}/events"]["get"]["parameters"]["query"]>;
export type Place = Schemas["DurableSession"];

const SERVER_ERROR = 500;
/** Nobody answered; it took too long; too often. */
const PASSING = new Set([0, 408, 429]);

/** What the server refused, in its words. `fields` are those of a form that it names. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }

  /** Whether the same may be tried again in a moment: by the server's word, or what stands before it had no answer. */
  get isPassing(): boolean {
    return PASSING.has(this.status) || this.status >= 502;
  }

  /** Whether who listens may go on trying: what went wrong is not what was asked for. */
  get mayPass(): boolean {
    return this.isPassing || this.status >= SERVER_ERROR;
  }
}

interface ProblemBody {
  code?: string;
  detail?: string;
  errors?: { field?: string; message?: string }[];
}

const UNSAFE = new Set(["POST", "PUT", "PATCH", "DELETE"]);

function csrfToken(): string | null {
  return /(?:^|; )csrf_token=([^;]+)/.exec(document.cookie)?.[1] ?? null;
}

let refreshing: Promise<boolean> | null = null;

/**
 * Go on with a login whose access token has run out; false if it is over. Several requests that need it share one
 * attempt. Raises Refusal where the server does not say: the login may be good all the same.
 */
export function refreshLogin(): Promise<boolean> {
  if (csrfToken() === null) return Promise.resolve(false);
  refreshing ??= renew().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function renew(): Promise<boolean> {
  const reply = await send(new Request("/api/v1/auth/refresh", { method: "POST" }));
  if (reply.ok) return true;
  const refusal = await refusalOf(reply);
  if (refusal.mayPass) throw refusal;
  return false;
}

/** `fetch` with what browsers must show, and once more after a login was renewed. Raises Refusal where nobody answers. */
export async function ask(request: Request): Promise<Response> {
  const again = request.clone();
  let reply = await send(request);
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/api/v1/auth/log")) return reply;
  if (reply.status === 401 && (await refreshLogin())) reply = await send(again);
  if (reply.status === 401) refused();
  else if (reply.ok && !pathname.startsWith("/api/v1/auth/")) letIn(); // where nobody need log in says nothing
  return reply;
}

async function send(request: Request): Promise<Response> {
  const token = UNSAFE.has(request.method) ? csrfToken() : null;
  if (token !== null) request.headers.set("X-CSRF-Token", token);
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new Refusal(0, "unreachable", words.errors.unreachable);
  }
}

const refuse: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await refusalOf(response);
  },
};

export async function refusalOf(reply: Response): Promise<Refusal> {
  const problem = (await reply.json().catch(() => ({}))) as ProblemBody;
  const detail = problem.detail ?? words.errors.status(reply.status);
  const fields = (problem.errors ?? []).map(({ field = "", message = "" }) => [field, message] as const);
  return new Refusal(reply.status, problem.code ?? "unknown", detail, Object.fromEntries(fields));
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: ask });
api.use(refuse);

/** Return what came; a refusal was raised before. */
export function body<T>(reply: { data?: T }): T {
  return reply.data as T;
}
