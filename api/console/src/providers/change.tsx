/** What can be changed of a provider that there is. */

import { useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { Refusal, type Schemas } from "../api/client";
import { Button } from "../parts/button";
import { Loading, Trouble } from "../parts/states";
import { words } from "../words";
import { changesOf, type Driver, type Provider, problemsOf } from "./draft";
import { ProviderFields } from "./fields";
import { providers } from "./queries";

interface Props {
  provider: Provider;
  /** What came of the last attempt. */
  error: Error | null;
  isSaving: boolean;
  onSave: (changes: Schemas["ProviderPatch"]) => void;
}

export function ProviderChange({ provider, error, isSaving, onSave }: Props) {
  const config = useQuery(providers.config);
  if (config.isLoadingError) return <Trouble error={config.error} retry={() => void config.refetch()} />;
  if (config.isPending) return <Loading />;
  const driver = config.data.drivers.find((one) => one.driver === provider.provider_type);
  if (driver === undefined) return null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSave(changesOf(new FormData(event.currentTarget), driver, provider));
  };
  return (
    <form
      onSubmit={submit}
      aria-label={words.providers.changeOf(provider.name)}
      className="grid gap-4 pt-3"
      autoComplete="off"
    >
      <ProviderFields driver={driver} provider={provider} problems={said(error, driver)} />
      <Button look="main" type="submit" disabled={isSaving} className="justify-self-start">
        {words.providers.save}
      </Button>
    </form>
  );
}

function said(error: Error | null, driver: Driver): Record<string, string> {
  if (error instanceof Refusal) return problemsOf(error, driver);
  return error === null ? {} : { "": error.message };
}
