/** Archiving is asked twice, and is for what is active only: what is archived already, the server deletes for good. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, body } from "../api/client";
import { Refused } from "../parts/page";
import { Sure } from "../parts/sure";
import { words } from "../words";
import type { Layer } from "./draft";

type Status = Layer["status"];

/** Pass if it can be archived: somebody else may have been quicker. */
function checkActive({ status }: { status: Status }): void {
  if (status !== "active") throw new Error(words.agents.archived);
}

async function archiveAgent(agent: string): Promise<void> {
  const path = { params: { path: { agent } } };
  checkActive(body(await api.GET("/api/v1/agents/{agent}", path)));
  await api.DELETE("/api/v1/agents/{agent}", path);
}

async function archiveHarness(harness: string): Promise<void> {
  const path = { params: { path: { harness } } };
  checkActive(body(await api.GET("/api/v1/harnesses/{harness}", path)));
  await api.DELETE("/api/v1/harnesses/{harness}", path);
}

export async function archiveWorkspace(id: string): Promise<void> {
  const path = { params: { path: { workspace_id: id } } };
  checkActive(body(await api.GET("/api/v1/workspaces/{workspace_id}", path)));
  await api.DELETE("/api/v1/workspaces/{workspace_id}", path);
}

const KINDS = {
  agent: { act: archiveAgent, others: "agents", shelf: "/agents" },
  harness: { act: archiveHarness, others: "harnesses", shelf: "/harnesses" },
} as const;

/** The button that archives an agent or a harness and leads back to the others; what is archived is said to be. */
export function Archive({ kind, layer }: { kind: keyof typeof KINDS; layer: Layer }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { act, others, shelf } = KINDS[kind];
  const archive = useMutation({
    mutationFn: () => act(layer.id),
    onSettled: async (_, error) => {
      // Whoever comes back must not find it as it was.
      await client.invalidateQueries({ queryKey: [kind] });
      await client.invalidateQueries({ queryKey: [others] });
      if (error === null) await navigate({ to: shelf });
    },
  });
  if (layer.status !== "active") return <span className="text-sm text-soft">{words.agents.archived}</span>;
  return (
    <>
      <Refused error={archive.error} />
      <Sure
        label={words.agents.archive}
        sure={words.agents.archiveSure}
        isBusy={archive.isPending}
        onSure={() => archive.mutate()}
      />
    </>
  );
}
