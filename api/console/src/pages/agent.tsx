/** One agent, made, copied or changed, and what it stands on. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type Agent, api, body } from "../api/client";
import { queries } from "../api/queries";
import { Archive } from "../layers/archive";
import { changedBy, chosenIn, copied, givenBy, type Marks, unshown } from "../layers/draft";
import { LayerForm } from "../layers/form";
import { checkFree } from "../layers/free";
import { HarnessPick } from "../layers/harness-pick";
import { Resolved } from "../layers/resolved";
import { NEW } from "../layers/shelf";
import { Stack } from "../layers/stack";
import { Usage } from "../layers/usage";
import { Button } from "../parts/button";
import { Loading, Trouble } from "../parts/states";
import { freeName } from "../providers/names";
import { words } from "../words";

const route = getRouteApi("/shell/agents/$agentId");

export function AgentPage() {
  const { agentId } = route.useParams();
  const { from } = route.useSearch();
  const source = agentId === NEW ? from : agentId;
  const agent = useQuery({ ...queries.agent(source ?? NEW), enabled: source !== undefined });
  const others = useQuery(queries.agents(""));
  if (agent.isLoadingError) return <Trouble error={agent.error} retry={() => void agent.refetch()} />;
  if ((source !== undefined && agent.isPending) || others.isPending) return <Loading />;
  const taken = others.data?.data ?? [];
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto grid w-full max-w-3xl gap-5 px-5 py-8">
        <Link to="/agents" className="text-sm text-soft hover:text-ink">
          ← {words.agents.back}
        </Link>
        {agentId === NEW ? (
          <Fresh key={from ?? NEW} source={agent.data ?? null} taken={taken} />
        ) : (
          agent.data && <Known key={agentId} agent={agent.data} />
        )}
      </div>
    </div>
  );
}

function useSaved() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return async (saved: Agent) => {
    await client.invalidateQueries({ queryKey: ["agents"] });
    void client.invalidateQueries({ queryKey: ["resolved"] });
    client.setQueryData(queries.agent(saved.id).queryKey, saved);
    await navigate({ to: "/agents/$agentId", params: { agentId: saved.id } });
  };
}

function Fresh({ source, taken }: { source: Agent | null; taken: readonly Agent[] }) {
  const saved = useSaved();
  const { layer: original, lacksSecrets } = copied(source);
  const save = async (form: FormData, marks: Marks) => {
    const given = givenBy(form, marks, original);
    await checkFree(given.name);
    const made = { ...unshown(original), ...given, ...chosenIn(form, {}, "default_model_id", "harness_id") };
    await saved(body(await api.POST("/api/v1/agents", { body: made })));
  };
  const name = freeName(original?.name ?? words.agents.starter.name, taken);
  return (
    <LayerForm
      title={original === null ? words.agents.create : words.agents.copyOf(original.display_name ?? original.name)}
      layer={original}
      name={name}
      save={save}
      isNew
      notice={lacksSecrets ? words.agents.noSecrets : undefined}
      base={<HarnessPick name="harness_id" value={original?.harness_id ?? ""} isNew={original === null} />}
    />
  );
}

function Known({ agent }: { agent: Agent }) {
  const saved = useSaved();
  const save = async (form: FormData, marks: Marks) => {
    const path = { params: { path: { agent: agent.id } } };
    const changed = { ...changedBy(form, marks, agent), ...chosenIn(form, agent, "default_model_id", "harness_id") };
    await saved(body(await api.PATCH("/api/v1/agents/{agent}", { ...path, body: changed })));
  };
  return (
    <>
      <LayerForm
        title={agent.display_name ?? agent.name}
        layer={agent}
        name={agent.name}
        save={save}
        isReadonly={agent.status !== "active"}
        further={<Further agent={agent} />}
        base={<HarnessPick name="harness_id" value={agent.harness_id} />}
      />
      <Resolved kind="agent" id={agent.id} />
      <Stack harnessId={agent.harness_id} />
      <Usage agentId={agent.id} />
    </>
  );
}

function Further({ agent }: { agent: Agent }) {
  const navigate = useNavigate();
  const copy = () => navigate({ to: "/agents/$agentId", params: { agentId: NEW }, search: { from: agent.id } });
  return (
    <>
      <Archive kind="agent" layer={agent} />
      <Button onClick={() => void copy()}>{words.agents.copy}</Button>
      {agent.status === "active" && (
        <Button onClick={() => void navigate({ to: "/", search: { agent: agent.id } })}>{words.agents.chat}</Button>
      )}
    </>
  );
}
