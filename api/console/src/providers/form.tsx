/** A provider to be made: what its type asks for, tried before it is kept. What is typed in is shown to nobody again. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { api, body, Refusal, type Schemas } from "../api/client";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Loading, Trouble } from "../parts/states";
import { say } from "../say";
import { words } from "../words";
import { type Draft, type Driver, draftOf, type Provider, problemsOf } from "./draft";
import { ProviderFields } from "./fields";
import { providers } from "./queries";

type Trial = Schemas["TrialReply"];

interface Attempt {
  draft: Draft;
  act: "try" | "add" | "force";
}

export function ProviderForm({ onMade }: { onMade: (provider: Provider) => void }) {
  const config = useQuery(providers.config);
  const [chosen, setChosen] = useState("");
  if (config.isLoadingError) return <Trouble error={config.error} retry={() => void config.refetch()} />;
  if (config.isPending) return <Loading />;
  const { drivers } = config.data;
  const driver = drivers.find((one) => one.driver === chosen) ?? drivers[0];
  if (driver === undefined) return null;
  return (
    <div className="grid gap-4 rounded-xl border border-line bg-raised p-5">
      <Field label={words.providers.type}>
        <select className="field" value={driver.driver} onChange={(event) => setChosen(event.target.value)}>
          {drivers.map((one) => (
            <option key={one.driver} value={one.driver}>
              {one.display_name}
            </option>
          ))}
        </select>
      </Field>
      <Credentials key={driver.driver} driver={driver} onMade={onMade} />
    </div>
  );
}

function Credentials({ driver, onMade }: { driver: Driver; onMade: (provider: Provider) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const client = useQueryClient();
  const attempt = useMutation({
    gcTime: 0, // what it was given has a key in it
    mutationFn: async ({ draft, act }: Attempt): Promise<Trial | Provider> => {
      const trial = act === "force" ? null : await tried(draft);
      return act === "try" && trial !== null ? trial : body(await api.POST("/api/v1/providers", { body: draft }));
    },
    onSuccess: (made) => {
      if (!("id" in made)) return;
      void client.invalidateQueries({ queryKey: ["providers"] });
      void client.invalidateQueries({ queryKey: ["models"] });
      onMade(made);
    },
  });
  const begin = (act: Attempt["act"]) => {
    if (form.current?.reportValidity()) attempt.mutate({ act, draft: draftOf(new FormData(form.current), driver) });
  };
  const problems = attempt.error instanceof Refusal ? problemsOf(attempt.error, driver) : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    begin("add");
  };
  return (
    <form ref={form} onSubmit={submit} className="grid gap-4" autoComplete="off">
      <ProviderFields driver={driver} problems={problems} />
      <div className="flex flex-wrap items-center gap-2">
        <Button look="main" type="submit" disabled={attempt.isPending}>
          {words.providers.add}
        </Button>
        <Button disabled={attempt.isPending} onClick={() => begin("try")}>
          {words.providers.test}
        </Button>
        {isFailedTrial(attempt.error) && (
          <Button look="quiet" onClick={() => begin("force")}>
            {words.providers.force}
          </Button>
        )}
        <TrialLine trial={attempt.isPending ? null : attempt.data} isTrying={attempt.isPending} />
      </div>
    </form>
  );
}

function TrialLine({ trial, isTrying }: { trial: Trial | Provider | null | undefined; isTrying: boolean }) {
  const good =
    trial && "success" in trial ? words.providers.answers(trial.model_count ?? 0, say.duration(trial.latency_ms)) : "";
  return (
    <output className={`text-sm ${isTrying ? "text-soft" : "text-good"}`}>
      {isTrying ? words.providers.asking : good}
    </output>
  );
}

const TRIAL_FAILED = 422;

/** Ask a provider for its models before it is made. Raises Refusal with what is wrong. */
async function tried(draft: Draft): Promise<Trial> {
  const trial = body(await api.POST("/api/v1/providers/test", { body: draft }));
  if (trial.success) return trial;
  throw new Refusal(TRIAL_FAILED, trial.error?.code ?? "", trial.error?.message ?? words.providers.failed);
}

function isFailedTrial(error: Error | null): boolean {
  return error instanceof Refusal && error.status === TRIAL_FAILED;
}
