/** What an agent or a harness stands on, the nearest first: which layer a prompt, a tool or a model comes from. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Part, Refused } from "../parts/page";
import { words } from "../words";
import type { Layer } from "./draft";
import { layers } from "./queries";

export function Stack({ harnessId }: { harnessId: string }) {
  return (
    <Part title={words.layers.title} hint={words.layers.hint}>
      <ol className="grid gap-2">
        <OneLayer id={harnessId} />
      </ol>
    </Part>
  );
}

function OneLayer({ id }: { id: string }) {
  const harness = useQuery(layers.harness(id));
  if (harness.isLoadingError)
    return (
      <li>
        <Refused error={harness.error} />
      </li>
    );
  if (harness.isPending) return null;
  const { name, display_name: shown, parent_harness_id: parent } = harness.data;
  return (
    <>
      <li className="grid gap-1 rounded-xl border border-line bg-raised p-4 text-sm">
        <Link to="/harnesses/$harnessId" params={{ harnessId: id }} className="font-medium hover:underline">
          {shown ?? name}
        </Link>
        <Brought layer={harness.data} />
      </li>
      {parent && <OneLayer id={parent} />}
    </>
  );
}

function Brought({ layer }: { layer: Layer }) {
  const capabilities = layer.capabilities?.map(({ ref }) => ref).join(", ");
  const facts = [
    [words.layers.prompt, layer.system_prompt],
    [words.layers.model, layer.default_model_id],
    [words.layers.capabilities, capabilities],
  ].filter(([, value]) => value);
  if (facts.length === 0) return <p className="text-soft">{words.layers.nothing}</p>;
  return (
    <dl className="grid grid-cols-[7rem_1fr] gap-x-3 gap-y-1">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-soft">{name}</dt>
          <dd className="line-clamp-3 font-mono text-xs leading-5">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
