import { api, Refusal } from "../api/client";
import { words } from "../words";

const NOT_FOUND = 404;

/**
 * Pass if no agent has a name, archived ones included: the server replaces the one that has the name of a new one.
 * Raises Error if one has it, and Refusal if the server does not say.
 */
export async function checkFree(name: string): Promise<void> {
  const reply = await api.GET("/api/v1/agents/{agent}", { params: { path: { agent: name } } }).catch(notFound);
  if (reply === null) return;
  throw new Error(reply.data?.status === "archived" ? words.agents.takenByArchived(name) : words.agents.taken(name));
}

function notFound(error: unknown): null {
  if (error instanceof Refusal && error.status === NOT_FOUND) return null;
  throw error;
}
