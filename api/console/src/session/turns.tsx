/** A turn as a waterfall: what ran when, for how long, beside what else, and where it was moved. */

import { getRouteApi, Link } from "@tanstack/react-router";
import { type Span, type TurnSpans, turnsOf } from "../log/spans";
import { Empty, Loading } from "../parts/states";
import { say } from "../say";
import { words } from "../words";
import { Earlier } from "./earlier";
import { useLog } from "./use-log";

const route = getRouteApi("/shell/sessions/$sessionId/turns");
const BARS = { model: "bg-accent", tool: "bg-good", wait: "bg-warn" };

export function Turns() {
  const { sessionId } = route.useParams();
  const { turn: chosen } = route.useSearch();
  const navigate = route.useNavigate();
  const { conversation, follower, line } = useLog(sessionId);
  const turns = turnsOf(follower.events);
  const turn = chosen === undefined ? turns.at(-1) : turns.find(({ turnId }) => turnId === chosen);
  if (line === "opening" && turn === undefined) return <Loading />;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto p-5">
      {turns.length > 0 && (
        <select
          aria-label={words.turns.pick}
          value={turn?.turnId ?? ""}
          onChange={(event) => void navigate({ search: { turn: event.target.value }, replace: true })}
          className="max-w-full rounded-md border border-line bg-raised px-2 py-1 text-sm"
        >
          {turn === undefined && <option value="">{words.turns.pickOne}</option>}
          {turns.map(({ turnId, startedAt, outcome }, at) => (
            <option key={turnId} value={turnId}>
              {`${at + 1} · ${say.time(startedAt)} · ${words.turns.outcomes[outcome ?? "open"] ?? outcome}`}
            </option>
          ))}
        </select>
      )}
      {turn !== undefined && <Waterfall turn={turn} sessionId={sessionId} />}
      {turn === undefined && (
        <>
          <Empty>{words.turns[conversation.first > 1 ? "further" : chosen === undefined ? "empty" : "none"]}</Empty>
          <Earlier sessionId={sessionId} />
        </>
      )}
    </div>
  );
}

function Waterfall({ turn, sessionId }: { turn: TurnSpans; sessionId: string }) {
  const length = Math.max(turn.durationMs ?? 0, 1, ...turn.spans.map((span) => span.endMs ?? span.startMs + 1));
  return (
    <ol aria-label={words.turns.chart} className="relative mt-5 grid gap-1.5">
      {turn.spans.map((span) => (
        <li
          key={`${span.id} ${span.sequence}`}
          className="grid grid-cols-[10rem_1fr] items-center gap-3 text-sm sm:grid-cols-[14rem_1fr_14rem]"
        >
          <Link
            to="/sessions/$sessionId/events"
            params={{ sessionId }}
            search={{ at: span.sequence }}
            className="truncate font-mono text-xs hover:underline"
          >
            {span.name || words.turns.model}
          </Link>
          <Bar span={span} length={length} moves={turn.moves} />
          <span className="hidden truncate text-xs text-soft sm:block">
            {span.kind === "wait" && `${words.turns.waiting} `}
            {span.endMs === null ? words.chat.working : say.duration(span.endMs - span.startMs)}
            {span.usage && ` · ${words.turns.tokens(span.usage.input_tokens, span.usage.output_tokens)}`}
            {span.usage?.estimated_cost_usd ? ` · ${say.cost(span.usage.estimated_cost_usd)}` : ""}
          </span>
        </li>
      ))}
      {turn.moves.length > 0 && <li className="mt-3 text-xs text-soft">{words.chat.moved}</li>}
    </ol>
  );
}

function Bar({ span, length, moves }: { span: Span; length: number; moves: number[] }) {
  const end = span.endMs ?? length;
  const percent = (ms: number) => `${(100 * ms) / length}%`;
  return (
    <span className="relative h-5 rounded bg-sunken">
      <span
        className={`absolute inset-y-0 rounded ${span.isBad ? "bg-bad" : BARS[span.kind]} ${span.endMs === null ? "breathing" : ""}`}
        style={{ left: percent(span.startMs), width: `max(3px, ${percent(end - span.startMs)})` }}
      />
      {moves.map((ms) => (
        <span key={ms} className="absolute inset-y-0 w-px bg-ink" style={{ left: percent(ms) }} />
      ))}
    </span>
  );
}
