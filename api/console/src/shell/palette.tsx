/** Everything by keyboard: pages, sessions, agents. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command, defaultFilter } from "cmdk";
import { useDeferredValue, useLayoutEffect, useRef, useState } from "react";
import { queries } from "../api/queries";
import { Refused } from "../parts/page";
import { PLACES as SETTINGS } from "../settings/places";
import { changeTheme } from "../theme";
import { words } from "../words";
import { PALETTE_FIELD } from "./palette-look";
import { nameOf } from "./session-list";

const ITEM = "cursor-pointer truncate rounded-[0.625rem] px-3 py-2 text-sm aria-selected:bg-tint";
const GROUP =
  "p-1 [&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-soft";

const PLACES = [
  { to: "/agents", label: words.nav.agents },
  { to: "/harnesses", label: words.harnesses.title },
  { to: "/workspaces", label: words.workspaces.title },
  { to: "/operate", label: words.nav.operate },
  ...SETTINGS,
] as const;

/** Return what is on several pages, each once: the newest are there at once, others where the server finds them. */
function joined<Item extends { id: string }>(...pages: ({ data: Item[] } | undefined)[]): Item[] {
  const items = pages.flatMap((page) => page?.data ?? []);
  return [...new Map(items.map((item) => [item.id, item])).values()];
}

const ID = / session_[0-9a-f]+$/;

/** Return how well something fits. An id stands behind a name, and would fit almost anything as loosely as names may. */
function rank(value: string, search: string): number {
  return defaultFilter(search.startsWith("session_") ? value : value.replace(ID, ""), search);
}

interface Props {
  /** What was typed before the palette was there. */
  begun: string;
  onClose: () => void;
}

export default function Palette({ begun, onClose }: Props) {
  const navigate = useNavigate();
  const field = useRef<HTMLInputElement>(null);
  const [search, setSearch] = useState(begun);
  useLayoutEffect(() => field.current?.focus(), []);
  const wanted = useDeferredValue(search.trim());
  const [newSessions, newAgents] = [useQuery(queries.sessions("")), useQuery(queries.agents(""))];
  const [sessions, agents] = [useQuery(queries.sessions(wanted)), useQuery(queries.agents(wanted))];
  const isAsking = sessions.isPending || agents.isPending;
  const run = (act: () => unknown) => () => {
    onClose();
    void act();
  };
  return (
    <Command label={words.palette.title} filter={rank}>
      <Command.Input
        ref={field}
        value={search}
        onValueChange={setSearch}
        placeholder={words.palette.placeholder}
        className={PALETTE_FIELD}
      />
      <Command.List className="max-h-[50vh] overflow-y-auto p-1">
        <Command.Empty className="p-6 text-center text-sm text-soft">
          {isAsking ? words.palette.asking : words.palette.none}
        </Command.Empty>
        <Refused error={sessions.error ?? agents.error} />
        <Command.Group heading={words.palette.go} className={GROUP}>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/" }))}>
            {words.nav.newChat}
          </Command.Item>
          {PLACES.map(({ to, label }) => (
            <Command.Item key={to} className={ITEM} onSelect={run(() => navigate({ to }))}>
              {label}
            </Command.Item>
          ))}
          <Command.Item className={ITEM} onSelect={run(changeTheme)}>
            {words.palette.theme}
          </Command.Item>
        </Command.Group>
        <Command.Group heading={words.palette.sessions} className={GROUP}>
          {joined(newSessions.data, sessions.data).map((session) => (
            <Command.Item
              key={session.id}
              value={`${nameOf(session)} ${session.id}`}
              className={ITEM}
              onSelect={run(() => navigate({ to: "/sessions/$sessionId", params: { sessionId: session.id } }))}
            >
              {nameOf(session)}
            </Command.Item>
          ))}
        </Command.Group>
        <Command.Group heading={words.palette.agents} className={GROUP}>
          {joined(newAgents.data, agents.data).map((agent) => (
            <Command.Item
              key={agent.id}
              value={`${agent.display_name ?? ""} ${agent.name}`}
              className={ITEM}
              onSelect={run(() => navigate({ to: "/agents/$agentId", params: { agentId: agent.id } }))}
            >
              {agent.display_name ?? agent.name}
            </Command.Item>
          ))}
        </Command.Group>
      </Command.List>
    </Command>
  );
}
