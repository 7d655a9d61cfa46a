/** Circuit breakers of providers, and an operator's hand on them. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api, type Schemas } from "../api/client";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Part, Refused, Row } from "../parts/page";
import { Empty, Trouble } from "../parts/states";
import { words } from "../words";
import { operating } from "./queries";

const said = words.operate;
type Breaker = Schemas["BreakerReply"];
interface Act {
  key: string;
  to: "open" | "close" | "forget";
}

export function Breakers() {
  const client = useQueryClient();
  const breakers = useQuery(operating.breakers);
  const act = useMutation({
    mutationFn: ({ key, to }: Act): Promise<unknown> => {
      const path = { params: { path: { key } } };
      if (to === "forget") return api.DELETE("/api/v1/durable/circuit-breakers/{key}", path);
      if (to === "open") return api.POST("/api/v1/durable/circuit-breakers/{key}/open", path);
      return api.POST("/api/v1/durable/circuit-breakers/{key}/close", path);
    },
    onSettled: () => client.invalidateQueries({ queryKey: operating.breakers.queryKey }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const key = String(new FormData(form).get("key")).trim();
    act.mutate({ key, to: "open" }, { onSuccess: () => form.reset() });
  };
  return (
    <Part title={said.breakers} hint={said.breakersHint}>
      {breakers.isError && <Trouble error={breakers.error} retry={() => void breakers.refetch()} />}
      {breakers.data?.length === 0 && <Empty>{said.noBreakers}</Empty>}
      <Refused error={act.error} />
      <ul className="grid gap-2">
        {breakers.data?.map((breaker) => (
          <Row key={breaker.key} name={<span className="font-mono">{breaker.key}</span>} note={noteOf(breaker)}>
            {breaker.state === "closed" ? (
              <Button
                aria-label={said.stopOne(breaker.key)}
                disabled={act.isPending}
                onClick={() => act.mutate({ key: breaker.key, to: "open" })}
              >
                {said.stop}
              </Button>
            ) : (
              <Button
                aria-label={said.resumeOne(breaker.key)}
                disabled={act.isPending}
                onClick={() => act.mutate({ key: breaker.key, to: "close" })}
              >
                {said.resume}
              </Button>
            )}
            <Button
              look="quiet"
              aria-label={said.forgetOne(breaker.key)}
              disabled={act.isPending}
              onClick={() => act.mutate({ key: breaker.key, to: "forget" })}
            >
              {said.forget}
            </Button>
          </Row>
        ))}
      </ul>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
        <Field label={said.stopOf} hint={said.stopHint}>
          <input name="key" required pattern="[A-Za-z0-9._:\-]+" className="field font-mono text-sm" />
        </Field>
        <Button type="submit" look="bad" disabled={act.isPending} className="py-2.5">
          {said.stop}
        </Button>
      </form>
    </Part>
  );
}

function noteOf(breaker: Breaker): string {
  const facts = [
    said.states[breaker.state],
    breaker.forced && said.forced,
    breaker.state === "open" && !breaker.forced && said.wait(breaker.wait_seconds),
    said.failed(breaker.failure_count),
  ];
  return facts.filter(Boolean).join(" · ");
}
