/** The organisation's own chain of models that take over when one fails: in order, moved by keys and by pointer. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { api, type Model } from "../api/client";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Icon, type IconName } from "../parts/icons";
import { Part } from "../parts/page";
import { words } from "../words";
import { isUsable, modelOf, moved } from "./chain";
import { settings } from "./queries";

const said = words.models.fallbacks;

export function Fallbacks({ models }: { models: readonly Model[] }) {
  const client = useQueryClient();
  const organization = useQuery(settings.organization);
  const [news, setNews] = useState("");
  const picker = useRef<HTMLSelectElement>(null);
  const change = useMutation({
    scope: { id: "fallbacks" }, // one after the other, as they were made
    mutationFn: (chain: readonly string[] | null) =>
      api.PATCH("/api/v1/orgs/{org_id}", {
        params: { path: { org_id: organization.data?.id ?? "" } },
        body: { fallback_models: chain && [...chain] },
      }),
    onSettled: () => client.invalidateQueries({ queryKey: settings.organization.queryKey }),
  });
  if (organization.data === undefined) return null;
  const chain = change.isPending ? (change.variables ?? []) : organization.data.fallback_models;
  const nameOf = (key: string) => modelOf(key, models)?.display_name ?? key;
  const move = (from: number, to: number) => {
    const next = moved(chain, from, to);
    if (next.every((key, at) => key === chain[at])) return;
    change.mutate(next);
    setNews(said.moved(nameOf(chain[from] ?? ""), to + 1, chain.length));
  };
  const remove = (at: number) => {
    change.mutate(chain.toSpliced(at, 1));
    picker.current?.focus();
  };
  const links = chain.map((key) => ({ key, model: modelOf(key, models) }));
  const others = models.filter((model) => isUsable(model) && !links.some((link) => link.model === model));
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (picker.current?.value) change.mutate([...chain, picker.current.value]);
  };
  return (
    <Part title={said.title} hint={said.hint}>
      {chain.length === 0 && <p className="text-sm text-soft">{said.none}</p>}
      <Links links={links} onMove={move} onRemove={remove} />
      <form onSubmit={add} className="flex flex-wrap items-end gap-3">
        <Field label={said.another} problem={change.error?.message}>
          <select ref={picker} className="field">
            {others.map((model) => (
              <option key={model.id} value={model.id}>
                {model.display_name} · {model.provider_name}
              </option>
            ))}
          </select>
        </Field>
        <Button type="submit" className="py-2.5">
          {said.add}
        </Button>
        {chain.length > 0 && (
          <Button look="quiet" className="py-2.5" onClick={() => change.mutate(null)}>
            {said.clear}
          </Button>
        )}
      </form>
      <output className="sr-only">{news}</output>
    </Part>
  );
}

interface Link {
  key: string;
  /** None where it is not there any more. */
  model: Model | undefined;
}

interface LinksProps {
  links: readonly Link[];
  onMove: (from: number, to: number) => void;
  onRemove: (at: number) => void;
}

function Links({ links, onMove, onRemove }: LinksProps) {
  const [held, setHeld] = useState<number | null>(null);
  return (
    <ol aria-label={said.title} className="grid gap-2">
      {links.map(({ key, model }, at) => {
        const name = model?.display_name ?? key;
        return (
          <li
            key={model?.id ?? key} // the server keeps some by another key than they were added by
            draggable
            onDragStart={() => setHeld(at)}
            onDragEnd={() => setHeld(null)}
            onDragOver={(event) => held !== null && event.preventDefault()}
            onDrop={() => held !== null && onMove(held, at)}
            className={`flex items-center gap-3 rounded-xl border bg-raised px-4 py-2 ${held === at ? "border-accent" : "border-line"} cursor-grab`}
          >
            <span className="text-sm text-soft">{at + 1}</span>
            <span className="min-w-0 flex-1 text-sm">
              <span className="block truncate font-medium">{name}</span>
              <span className="block truncate text-xs text-soft">
                {model && isUsable(model) ? model.provider_name : said.passed}
              </span>
            </span>
            <Act icon="send" name={said.up(name)} isIdle={at === 0} onPress={() => onMove(at, at - 1)} />
            <Act
              icon="down"
              name={said.down(name)}
              isIdle={at === links.length - 1}
              onPress={() => onMove(at, at + 1)}
            />
            <Act icon="cross" name={said.remove(name)} onPress={() => onRemove(at)} />
          </li>
        );
      })}
    </ol>
  );
}

interface ActProps {
  icon: IconName;
  name: string;
  /** Whether there is nothing to do: it keeps the focus all the same. */
  isIdle?: boolean;
  onPress: () => void;
}

function Act({ icon, name, isIdle = false, onPress }: ActProps) {
  return (
    <Button
      look="quiet"
      aria-label={name}
      aria-disabled={isIdle}
      onClick={onPress}
      className="aria-disabled:cursor-default aria-disabled:opacity-50"
    >
      <Icon name={icon} />
    </Button>
  );
}
