/** Actors by their nodes: what each holds, and how to empty one. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { Part, Refused, Row } from "../parts/page";
import { Loading, Trouble } from "../parts/states";
import { Sure } from "../parts/sure";
import { say } from "../say";
import { words } from "../words";
import { type Node, nodesOf } from "./nodes";
import { type Actor, operating } from "./queries";

const said = words.operate;

export function Actors() {
  const client = useQueryClient();
  const actors = useQuery(operating.actors);
  const drain = useMutation({
    mutationFn: ({ node, actor }: { node?: string; actor?: string }): Promise<unknown> =>
      node === undefined
        ? api.POST("/api/v1/durable/actors/{name}/drain", { params: { path: { name: actor ?? "" } } })
        : api.POST("/api/v1/durable/nodes/{node_id}/drain", { params: { path: { node_id: node } } }),
    onSettled: () => client.invalidateQueries({ queryKey: operating.actors.queryKey }),
  });
  return (
    <Part title={said.actors}>
      {actors.isPending && <Loading />}
      {actors.isError && <Trouble error={actors.error} retry={() => void actors.refetch()} />}
      <Refused error={drain.error} />
      {drain.isSuccess && <output className="text-sm text-good">{said.draining}</output>}
      {nodesOf(actors.data ?? []).map((node) => (
        <OneNode
          key={node.id}
          node={node}
          onDrain={() => node.id !== null && drain.mutate({ node: node.id })}
          onDrainActor={(actor) => drain.mutate({ actor })}
        />
      ))}
    </Part>
  );
}

interface NodeProps {
  node: Node;
  onDrain: () => void;
  onDrainActor: (name: string) => void;
}

function OneNode({ node, onDrain, onDrainActor }: NodeProps) {
  const name = node.id === null ? said.nowhere : said.node(node.id);
  return (
    <section aria-label={name} className="grid gap-2">
      <div className="flex flex-wrap items-center gap-3">
        <h3 className="font-mono text-sm font-medium">{name}</h3>
        <span className="text-sm text-soft">{said.sessions(node.sessions)}</span>
        {node.id !== null && (
          <span className="ml-auto">
            <Sure label={said.drainNode} sure={said.sure} onSure={onDrain} />
          </span>
        )}
      </div>
      <ul className="grid gap-2">
        {node.actors.map((actor) => (
          <Row key={actor.name} name={<span className="font-mono">{actor.name}</span>} note={noteOf(actor)}>
            {actor.role === "session" && (
              <Sure label={said.drain(actor.name)} sure={said.sure} onSure={() => onDrainActor(actor.name)} />
            )}
          </Row>
        ))}
      </ul>
    </section>
  );
}

function noteOf(actor: Actor): string {
  const facts = [
    said.roles[actor.role] ?? actor.role,
    said.actorStates[actor.state] ?? actor.state,
    actor.role === "session" && said.sessions(actor.sessions),
    actor.waiting > 0 && said.waiting(actor.waiting),
    say.bytes(actor.rss_bytes),
    actor.pid != null && said.process(actor.pid),
    said.since(actor.started_at),
  ];
  return facts.filter(Boolean).join(" · ");
}
