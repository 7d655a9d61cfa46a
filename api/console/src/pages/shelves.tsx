import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { queries } from "../api/queries";
import { layers } from "../layers/queries";
import { Shelf } from "../layers/shelf";
import { say } from "../say";
import { words } from "../words";

export function Agents() {
  const [search, setSearch] = useState("");
  const wanted = queries.agents(useDeferredValue(search.trim()));
  const found = useQuery({ ...wanted, select: ({ data }) => data });
  const unseen = useQuery({ ...wanted, select: ({ data, total }) => total - data.length }).data ?? 0;
  return (
    <Shelf
      said={words.agents}
      search={search}
      onSearch={setSearch}
      found={found}
      more={unseen > 0 ? words.agents.more(unseen) : undefined}
      link={(agentId, look, children) => (
        <Link to="/agents/$agentId" params={{ agentId }} className={look}>
          {children}
        </Link>
      )}
      note={(agent) => <time>{say.when(agent.updated_at)}</time>}
    />
  );
}

export function Harnesses() {
  const [search, setSearch] = useState("");
  const found = useQuery(layers.harnesses(useDeferredValue(search.trim())));
  return (
    <Shelf
      said={words.harnesses}
      search={search}
      onSearch={setSearch}
      found={found}
      link={(harnessId, look, children) => (
        <Link to="/harnesses/$harnessId" params={{ harnessId }} className={look}>
          {children}
        </Link>
      )}
      note={(harness) => harness.is_built_in && words.harnesses.brought}
    />
  );
}
