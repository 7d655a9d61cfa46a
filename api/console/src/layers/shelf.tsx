/** A list of agents, or of what they stand on: found by name, each with what it says of itself. */

import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Icon } from "../parts/icons";
import { Page } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { plainOf } from "../plain";
import type { Layer } from "./draft";

const CREATE =
  "inline-flex items-center gap-2 rounded-[0.625rem] bg-accent px-3 py-1.5 text-sm font-medium text-on-accent";
const CARD =
  "grid h-full grid-cols-[minmax(0,1fr)] content-start gap-1 wrap-anywhere rounded-xl border border-line bg-raised p-4 hover:border-accent";

interface Props<Item extends Layer> {
  said: { title: string; subtitle: string; create: string; search: string; empty: string; none: string };
  search: string;
  onSearch: (text: string) => void;
  found: UseQueryResult<Item[]>;
  /** What is said of those that are not shown. */
  more?: string | undefined;
  /** Lead to one of them, or to the form of a new one. */
  link: (id: string, look: string, children: ReactNode) => ReactNode;
  /** What stands in its corner. */
  note: (item: Item) => ReactNode;
}

export const NEW = "new";

export function Shelf<Item extends Layer>({ said, search, onSearch, found, more, link, note }: Props<Item>) {
  const create = link(
    NEW,
    CREATE,
    <>
      <Icon name="plus" />
      {said.create}
    </>,
  );
  return (
    <Page title={said.title} subtitle={said.subtitle} action={create}>
      <input
        type="search"
        aria-label={said.search}
        placeholder={said.search}
        value={search}
        onChange={(event) => onSearch(event.target.value)}
        className="field"
      />
      {found.isPending && <Loading />}
      {found.isError && <Trouble error={found.error} retry={() => void found.refetch()} />}
      {found.data?.length === 0 && <Empty>{search ? said.none : said.empty}</Empty>}
      <ul className="grid gap-3 sm:grid-cols-2">
        {found.data?.map((item) => (
          <li key={item.id} className="min-w-0">
            {link(item.id, CARD, <Card item={item} note={note(item)} />)}
          </li>
        ))}
      </ul>
      {more && <p className="text-sm text-soft">{more}</p>}
    </Page>
  );
}

function Card({ item, note }: { item: Layer; note: ReactNode }) {
  return (
    <>
      <span className="font-medium">{item.display_name ?? item.name}</span>
      <span className="line-clamp-2 text-sm text-soft">{plainOf(item.description || item.system_prompt || "")}</span>
      <span className="mt-1 flex gap-3 font-mono text-xs text-soft">
        <span className="truncate">{item.name}</span>
        <span className="ml-auto shrink-0">{note}</span>
      </span>
    </>
  );
}
