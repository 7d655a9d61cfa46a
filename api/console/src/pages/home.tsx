/** Where everything begins: write something, and a session is there. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, body } from "../api/client";
import { queries } from "../api/queries";
import type { Attached } from "../log/event";
import { Trouble } from "../parts/states";
import { dropAttachments } from "../session/attachments";
import { Composer } from "../session/composer";
import { outboxOf, type Wish } from "../session/outbox";
import { dropWritten } from "../session/written";
import { words } from "../words";

const route = getRouteApi("/shell/");

interface Start {
  text: string;
  wish?: Wish;
  images?: Attached[];
  capabilities?: string[] | undefined;
  /** Whether somebody wrote it here. */
  isWritten?: boolean;
}

export function Home() {
  const { agent: wanted = "" } = route.useSearch();
  return <Begin key={wanted} wanted={wanted} />;
}

function Begin({ wanted }: { wanted: string }) {
  const [agent, setAgent] = useState(wanted);
  const navigate = useNavigate();
  const client = useQueryClient();
  const start = useMutation({
    mutationFn: async ({ text, wish = {}, images = [], capabilities = [] }: Start) => {
      const made = { ...(agent && { agent_id: agent }), capabilities: capabilities.map((ref) => ({ ref })) };
      const session = body(await api.POST("/api/v1/sessions", { body: made }));
      outboxOf(session.id).send(text, wish, images);
      return session.id;
    },
    onSuccess: async (sessionId, { isWritten = false }) => {
      if (isWritten) {
        dropWritten();
        dropAttachments();
      }
      void client.invalidateQueries({ queryKey: ["sessions"] });
      await navigate({ to: "/sessions/$sessionId", params: { sessionId } });
    },
  });
  return (
    <div className="mx-auto grid min-h-0 w-full max-w-3xl flex-1 grid-cols-[minmax(0,1fr)] content-center gap-6 overflow-y-auto px-5 py-10">
      <div>
        <h1 className="text-3xl font-semibold tracking-tight">{words.welcome.title}</h1>
        <p className="mt-2 text-soft">{words.welcome.subtitle}</p>
      </div>
      <Composer
        isSending={start.isPending}
        onSend={(text, wish, images) => start.mutate({ text, wish, images, isWritten: true })}
      />
      {start.isError && <Trouble error={start.error} />}
      <div className="flex flex-wrap items-center gap-2">
        <AgentPick value={agent} onChange={setAgent} />
        {words.welcome.starters.map(({ title, text, capabilities }) => (
          <button
            key={title}
            type="button"
            disabled={start.isPending}
            onClick={() => start.mutate({ text, capabilities })}
            className="rounded-full border border-line px-3 py-1 text-sm text-soft hover:border-accent hover:text-ink"
          >
            {title}
          </button>
        ))}
      </div>
      <FirstRun />
    </div>
  );
}

/** Which agent answers. One that an address names is said also where it is not listed: it may be one of many, or archived. */
function AgentPick({ value, onChange }: { value: string; onChange: (agent: string) => void }) {
  const agents = useQuery(queries.agents(""));
  const listed = agents.data?.data ?? [];
  const isUnlisted = value !== "" && !listed.some(({ id }) => id === value);
  const chosen = useQuery({ ...queries.agent(value), enabled: isUnlisted && agents.isFetched }).data;
  if (value === "" && listed.length === 0) return null;
  return (
    <select
      aria-label={words.welcome.agent}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className="max-w-full rounded-full border border-line bg-transparent px-3 py-1 text-sm"
    >
      <option value="">{words.welcome.noAgent}</option>
      {isUnlisted && <option value={value}>{chosen?.display_name ?? chosen?.name ?? value}</option>}
      {listed.map((agent) => (
        <option key={agent.id} value={agent.id}>
          {agent.display_name ?? agent.name}
        </option>
      ))}
    </select>
  );
}

/** While no vendor's model is there: what answers meanwhile, and where another one is made. */
function FirstRun() {
  const models = useQuery(queries.models);
  const isOnlySimulated = models.data?.data.every((model) => model.provider_type === "llmsim") ?? false;
  if (!isOnlySimulated) return null;
  return (
    <section aria-label={words.first.title} className="grid gap-3 rounded-xl bg-sunken px-4 py-4 text-sm text-soft">
      <p>{words.welcome.simulated}</p>
      <p className="flex flex-wrap items-center gap-4">
        <Link to="/welcome" className="rounded-[0.625rem] bg-accent px-3 py-1.5 font-medium text-on-accent">
          {words.providers.create}
        </Link>
        <Link to="/welcome" search={{ simulated: true }} className="text-accent underline">
          {words.first.starter}
        </Link>
      </p>
    </section>
  );
}
