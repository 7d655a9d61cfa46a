import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { layers } from "../layers/queries";
import { Icon } from "../parts/icons";
import { Page } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { words } from "../words";

export function Harnesses() {
  const [search, setSearch] = useState("");
  const harnesses = useQuery(layers.harnesses(useDeferredValue(search.trim())));
  const create = (
    <Link
      to="/harnesses/$harnessId"
      params={{ harnessId: "new" }}
      className="inline-flex items-center gap-2 rounded-[0.625rem] bg-accent px-3 py-1.5 text-sm font-medium text-on-accent"
    >
      <Icon name="plus" />
      {words.harnesses.create}
    </Link>
  );
  return (
    <Page title={words.harnesses.title} subtitle={words.harnesses.subtitle} action={create}>
      <input
        type="search"
        aria-label={words.harnesses.search}
        placeholder={words.harnesses.search}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        className="field"
      />
      {harnesses.isPending && <Loading />}
      {harnesses.isError && <Trouble error={harnesses.error} retry={() => void harnesses.refetch()} />}
      {harnesses.data?.length === 0 && <Empty>{words.harnesses.empty}</Empty>}
      <ul className="grid gap-3 sm:grid-cols-2">
        {harnesses.data?.map((harness) => (
          <li key={harness.id}>
            <Link
              to="/harnesses/$harnessId"
              params={{ harnessId: harness.id }}
              className="grid h-full content-start gap-1 rounded-xl border border-line bg-raised p-4 hover:border-accent"
            >
              <span className="font-medium">{harness.display_name ?? harness.name}</span>
              <span className="line-clamp-2 text-sm text-soft">{harness.description ?? harness.system_prompt}</span>
              <span className="mt-1 flex gap-3 font-mono text-xs text-soft">
                <span className="truncate">{harness.name}</span>
                {harness.is_built_in && <span className="ml-auto shrink-0">{words.harnesses.brought}</span>}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Page>
  );
}
