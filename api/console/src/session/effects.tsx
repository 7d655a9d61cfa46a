/** What tools of the server did in a session, and what is to be decided about those that a crash cut off. */

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { api, body, type Place, type Schemas } from "../api/client";
import { queries } from "../api/queries";
import { Button } from "../parts/button";
import { Part } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { words } from "../words";
import { Decision } from "./decision";
import { nextOffset } from "./next";
import { useLog } from "./use-log";

type Effect = Schemas["EffectReply"];
type Pending = Place["pending_decisions"][number];

const PAGE = 50;
const ASK_MS = 2_500;
const TONES: Record<string, string> = { done: "text-good", failed: "text-bad", unknown: "text-warn" };

export function Effects() {
  const { sessionId } = useParams({ from: "/shell/sessions/$sessionId" });
  const { conversation } = useLog(sessionId);
  const place = useQuery(queries.place(sessionId));
  const effects = useInfiniteQuery({
    queryKey: ["effects", sessionId],
    initialPageParam: 0,
    refetchInterval: conversation.isBusy ? ASK_MS : false,
    queryFn: async ({ pageParam, signal }) =>
      body(
        await api.GET("/api/v1/durable/sessions/{session_id}/effects", {
          params: { path: { session_id: sessionId }, query: { offset: pageParam, limit: PAGE } },
          signal,
        }),
      ),
    getNextPageParam: nextOffset,
  });
  const found = effects.data?.pages.flatMap((page) => page.data);
  const asked = new Map(place.data?.pending_decisions.map((pending) => [pending.tool_call_id, pending]));
  return (
    <div className="min-h-0 flex-1 overflow-y-auto p-5">
      <Part title={words.effects.title} hint={words.effects.hint}>
        {effects.isPending && <Loading />}
        {effects.isError && <Trouble error={effects.error} retry={() => void effects.refetch()} />}
        {found?.length === 0 && <Empty>{words.effects.empty}</Empty>}
        <ul className="grid gap-2">
          {found?.map((effect) => (
            <OneEffect
              key={effect.idempotency_key}
              sessionId={sessionId}
              effect={effect}
              pending={effect.state === "awaiting_decision" ? asked.get(effect.tool_call_id) : undefined}
            />
          ))}
        </ul>
        {effects.hasNextPage && (
          <Button disabled={effects.isFetchingNextPage} onClick={() => void effects.fetchNextPage()}>
            {words.effects.more}
          </Button>
        )}
      </Part>
    </div>
  );
}

interface Props {
  sessionId: string;
  effect: Effect;
  pending: Pending | undefined;
}

function OneEffect({ sessionId, effect, pending }: Props) {
  return (
    <li data-state={effect.state} className="rounded-xl border border-line bg-raised text-sm">
      <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 py-3">
        <span className="font-mono font-medium">{effect.display_name ?? effect.tool_name}</span>
        <span className={`text-xs ${TONES[effect.state] ?? "text-warn"}`}>{words.effects.states[effect.state]}</span>
        <Link
          to="/sessions/$sessionId/turns"
          params={{ sessionId }}
          search={{ turn: effect.turn_id }}
          className="ml-auto text-xs text-soft hover:text-ink hover:underline"
        >
          {words.effects.turn}
        </Link>
        <p className="basis-full text-xs text-soft">{factsOf(effect).join(" · ")}</p>
      </div>
      {pending && (
        <Decision
          sessionId={sessionId}
          callId={effect.tool_call_id}
          question={{ ...pending, expiresAt: pending.expires_at }}
        />
      )}
    </li>
  );
}

function factsOf(effect: Effect): string[] {
  const { policy, attempts, started_at: began, duration_ms: took, decisions } = effect;
  return [
    words.effects.began(began),
    ...(took == null ? [] : [words.effects.took(took)]),
    words.effects.attempts(attempts),
    ...(policy == null ? [] : [words.effects.policies[policy] ?? policy]),
    ...decisions.map(({ decision, decided_at: at }) =>
      words.effects.decided(words.tool.chosen[decision] ?? decision, at),
    ),
  ];
}
