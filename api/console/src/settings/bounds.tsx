/** What an operator has set: which keys seal secrets, and how much clients may ask. */

import { useQuery } from "@tanstack/react-query";
import { Page, Part, Row } from "../parts/page";
import { Loading, Trouble } from "../parts/states";
import { say } from "../say";
import { words } from "../words";
import { settings } from "./queries";

const said = words.settings.bounds_;
type Limit = keyof typeof said.names;

export function Bounds() {
  return (
    <Page title={words.settings.bounds} subtitle={said.subtitle}>
      <Keys />
      <Limits />
    </Page>
  );
}

function Keys() {
  const keys = useQuery(settings.keys);
  return (
    <Part title={said.keys} hint={said.keysHint}>
      {keys.isPending && <Loading />}
      {keys.isError && <Trouble error={keys.error} retry={() => void keys.refetch()} />}
      <ul className="grid gap-3">
        {keys.data?.map(({ key_id: id, secrets, state }) => (
          <Row key={id} name={<span className="font-mono">{id}</span>} note={said.states[state]}>
            <span className={`text-sm ${state === "missing" ? "text-bad" : "text-soft"}`}>{said.sealed(secrets)}</span>
          </Row>
        ))}
      </ul>
    </Part>
  );
}

function Limits() {
  const limits = useQuery(settings.limits);
  return (
    <Part title={said.limits}>
      {limits.isPending && <Loading />}
      {limits.isError && <Trouble error={limits.error} retry={() => void limits.refetch()} />}
      {limits.data && (
        <ul className="grid gap-3">
          {(Object.keys(said.names) as Limit[]).map((name) => {
            const value = limits.data[name];
            return (
              <Row
                key={name}
                name={<span className="whitespace-normal">{said.names[name]}</span>}
                note={<span className="font-mono wrap-anywhere">{said.settings[name]}</span>}
              >
                <span className="text-sm">{value === null ? said.any : say.number(value)}</span>
              </Row>
            );
          })}
        </ul>
      )}
    </Part>
  );
}
