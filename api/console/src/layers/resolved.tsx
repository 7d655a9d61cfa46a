/** What an agent, a harness or a session comes to with all that it stands on, and which layer each part came from. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Schemas } from "../api/client";
import { queries } from "../api/queries";
import { Part } from "../parts/page";
import { modelOf } from "../settings/chain";
import { words } from "../words";
import { layers, type Resolvable } from "./queries";

const said = words.resolved;
type Origin = Schemas["OriginReply"];

export function Resolved(which: Resolvable) {
  const { data, error } = useQuery(layers.resolved(which));
  const models = useQuery(queries.models);
  const nameOf = (id: string) => {
    const model = modelOf(id, models.data?.data ?? []);
    return model === undefined ? id : `${model.display_name} · ${model.provider_name}`;
  };
  return (
    <Part title={said.title} hint={said.hint}>
      {error && <p className="text-sm text-warn">{error.message}</p>}
      {data && (
        <div className="grid gap-4 rounded-xl border border-line bg-raised p-4 text-sm">
          <Facts name={said.model} isEmpty={data.model === null} nothing={said.noModel}>
            {data.model && <Fact what={nameOf(data.model.id)} source={data.model.source} />}
          </Facts>
          <Facts name={said.prompt} isEmpty={data.prompts.length === 0} nothing={said.noPrompt}>
            {data.prompts.map((part, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the parts are a text, in its order
              <Long key={at} label={fromWhere(part.source, part.capability)} text={part.text} />
            ))}
          </Facts>
          <Facts name={said.capabilities} isEmpty={data.capabilities.length === 0} nothing={said.noCapability}>
            {data.capabilities.map(({ id, name, source, needed_by: needed }) => (
              <Fact key={id} what={name} source={source} more={needed ? said.neededBy(needed) : ""} />
            ))}
          </Facts>
          <Facts name={said.tools} isEmpty={data.tools.length === 0} nothing={said.noTool}>
            {data.tools.map(({ name, description, source, capability }) => (
              <Long key={name} label={`${name} · ${fromWhere(source, capability)}`} text={description} />
            ))}
          </Facts>
        </div>
      )}
    </Part>
  );
}

interface FactsProps {
  name: string;
  isEmpty: boolean;
  nothing: string;
  children: ReactNode;
}

function Facts({ name, isEmpty, nothing, children }: FactsProps) {
  return (
    <section aria-label={name} className="grid gap-1">
      <h3 className="text-xs text-soft">{name}</h3>
      {isEmpty ? <p className="text-soft">{nothing}</p> : <ul className="grid gap-1">{children}</ul>}
    </section>
  );
}

function Fact({ what, source, more = "" }: { what: string; source: Origin; more?: string }) {
  return (
    <li className="flex flex-wrap items-baseline gap-x-3">
      <span className="font-mono text-xs wrap-anywhere">{what}</span>
      <span className="text-xs text-soft">{[fromWhere(source), more].filter(Boolean).join(" · ")}</span>
    </li>
  );
}

function Long({ label, text }: { label: string; text: string }) {
  return (
    <li>
      <details>
        <summary className="text-xs wrap-anywhere">{label}</summary>
        <p className="mt-1 mb-2 rounded-md bg-sunken p-3 font-mono text-xs wrap-anywhere whitespace-pre-wrap">{text}</p>
      </details>
    </li>
  );
}

function fromWhere(source: Origin, capability?: string | null): string {
  const layer = said.from(said.kinds[source.kind], source.name ?? "");
  return capability ? `${said.byCapability(capability)}, ${layer}` : layer;
}
