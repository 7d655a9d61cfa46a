/** Who uses an agent: its sessions, the newest first. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Part, Refused } from "../parts/page";
import { say } from "../say";
import { nameOf } from "../shell/session-list";
import { words } from "../words";
import { layers } from "./queries";

export function Usage({ agentId }: { agentId: string }) {
  const { data, error } = useQuery(layers.sessionsOf(agentId));
  if (data === undefined) return <Refused error={error} />;
  const { data: sessions, total, is_total_exact: isExact = true } = data;
  return (
    <Part title={words.usage.title} hint={words.usage.sessions(total, isExact)}>
      {sessions.length > 0 && (
        <ul className="grid gap-1 rounded-xl border border-line bg-raised p-4 text-sm">
          {sessions.map((session) => (
            <li key={session.id} className="flex gap-3">
              <Link
                to="/sessions/$sessionId"
                params={{ sessionId: session.id }}
                className="min-w-0 truncate hover:underline"
              >
                {nameOf(session)}
              </Link>
              <time className="ml-auto shrink-0 text-xs text-soft">{say.when(session.updated_at)}</time>
            </li>
          ))}
        </ul>
      )}
    </Part>
  );
}
