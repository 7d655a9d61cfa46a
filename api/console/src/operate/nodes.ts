/** Actors by the node that they run on, in the order in which they came; those without one come last. */

import type { Actor } from "./queries";

export interface Node {
  id: string | null;
  actors: Actor[];
  sessions: number;
}

export function nodesOf(actors: readonly Actor[]): Node[] {
  const nodes = new Map<string | null, Node>();
  for (const actor of actors) {
    const id = actor.node_id ?? null;
    const node = nodes.get(id) ?? { id, actors: [], sessions: 0 };
    node.actors.push(actor);
    if (actor.role === "session") node.sessions += actor.sessions;
    nodes.set(id, node);
  }
  return [...nodes.values()].sort((one, other) => Number(one.id === null) - Number(other.id === null));
}
