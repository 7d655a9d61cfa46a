import { expect, test } from "vitest";
import { nodesOf } from "./nodes";
import type { Actor } from "./queries";

function actor(name: string, node_id: string | null, sessions: number, role = "session"): Actor {
  return { name, node_id, sessions, role } as unknown as Actor;
}

test("actors stand at their nodes, and sessions are counted where they live", () => {
  const actors = [
    actor("supervisor", "a", 9, "supervisor"),
    actor("lost", null, 1),
    actor("one", "a", 2),
    actor("two", "b", 3),
    actor("three", "a", 4),
  ];
  const found = nodesOf(actors).map((node) => [node.id, node.actors.map(({ name }) => name), node.sessions]);
  expect(found).toEqual([
    ["a", ["supervisor", "one", "three"], 6],
    ["b", ["two"], 3],
    [null, ["lost"], 1],
  ]);
});

test("without actors there is no node", () => {
  expect(nodesOf([])).toEqual([]);
});
