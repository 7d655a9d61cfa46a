import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { queries } from "../api/queries";
import { Icon } from "../parts/icons";
import { Empty, Loading, Trouble } from "../parts/states";
import { say } from "../say";
import { words } from "../words";

export function Agents() {
  const [search, setSearch] = useState("");
  const agents = useQuery(queries.agents(useDeferredValue(search.trim())));
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto grid w-full max-w-4xl gap-5 px-5 py-8">
        <div className="flex flex-wrap items-start gap-4">
          <div>
            <h1 className="text-2xl font-semibold tracking-tight">{words.agents.title}</h1>
            <p className="mt-1 text-sm text-soft">{words.agents.subtitle}</p>
          </div>
          <Link
            to="/agents/$agentId"
            params={{ agentId: "new" }}
            className="ml-auto inline-flex items-center gap-2 rounded-[0.625rem] bg-accent px-3 py-1.5 text-sm font-medium text-on-accent"
          >
            <Icon name="plus" />
            {words.agents.create}
          </Link>
        </div>
        <input
          type="search"
          aria-label={words.agents.search}
          placeholder={words.agents.search}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          className="field"
        />
        {agents.isPending && <Loading />}
        {agents.isError && <Trouble error={agents.error} retry={() => void agents.refetch()} />}
        {agents.data?.data.length === 0 && <Empty>{search ? words.agents.none : words.agents.empty}</Empty>}
        <ul className="grid gap-3 sm:grid-cols-2">
          {agents.data?.data.map((agent) => (
            <li key={agent.id}>
              <Link
                to="/agents/$agentId"
                params={{ agentId: agent.id }}
                className="grid h-full gap-1 rounded-xl border border-line bg-raised p-4 hover:border-accent"
              >
                <span className="font-medium">{agent.display_name ?? agent.name}</span>
                <span className="line-clamp-2 text-sm text-soft">{agent.description ?? agent.system_prompt}</span>
                <span className="mt-1 flex gap-3 font-mono text-xs text-soft">
                  <span className="truncate">{agent.name}</span>
                  <time className="ml-auto shrink-0">{say.when(agent.updated_at)}</time>
                </span>
              </Link>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
