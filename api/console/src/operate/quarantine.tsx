/** Sessions that were stopped because they kept ending their process: why, and how they go on. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, type Schemas } from "../api/client";
import { LINK } from "../parts/looks";
import { Part, Refused } from "../parts/page";
import { Empty, Trouble } from "../parts/states";
import { Sure } from "../parts/sure";
import { words } from "../words";
import { operating } from "./queries";

const said = words.operate;
type Letter = Schemas["DeadLetter"];

export function Quarantine() {
  const client = useQueryClient();
  const letters = useQuery(operating.quarantine);
  const release = useMutation({
    mutationFn: (id: string) =>
      api.POST("/api/v1/durable/dlq/{session_id}/retry", { params: { path: { session_id: id } } }),
    onSettled: () => client.invalidateQueries({ queryKey: operating.quarantine.queryKey }),
  });
  const { data } = letters;
  return (
    <Part title={said.quarantine} hint={said.quarantineHint}>
      {letters.isError && <Trouble error={letters.error} retry={() => void letters.refetch()} />}
      <Refused error={release.error} />
      {release.isSuccess && <output className="text-sm text-good">{said.released}</output>}
      {data?.data.length === 0 && <Empty>{said.noQuarantine}</Empty>}
      <ul className="grid gap-2">
        {data?.data.map((letter) => (
          <Stopped key={letter.id} letter={letter} onRelease={() => release.mutate(letter.id)} />
        ))}
      </ul>
      {data !== undefined && data.total > data.data.length && (
        <p className="text-sm text-soft">{said.more(data.total - data.data.length)}</p>
      )}
    </Part>
  );
}

function Stopped({ letter, onRelease }: { letter: Letter; onRelease: () => void }) {
  const title = letter.session_title || said.untitled;
  const facts = [said.died(said.activity(letter.activity_type), letter.attempts), letter.is_given_up && said.givenUp];
  return (
    <li className="grid gap-2 rounded-xl border border-line bg-raised px-4 py-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-56">
          <div className="truncate text-sm font-medium">{title}</div>
          <div className="text-xs text-soft">{facts.filter(Boolean).join(" · ")}</div>
          {letter.last_error != null && <div className="text-xs text-bad">{letter.last_error}</div>}
        </div>
        <Link to="/sessions/$sessionId" params={{ sessionId: letter.id }} className={LINK}>
          {said.open}
        </Link>
        <Sure label={said.release(title)} sure={said.reallyRelease} onSure={onRelease} />
      </div>
      {letter.error_history.length > 0 && (
        <details className="text-xs text-soft">
          <summary className="cursor-pointer">{said.history}</summary>
          <ol className="mt-1 grid gap-0.5 font-mono">
            {letter.error_history.map(({ at, error }) => (
              <li key={at}>{said.crash(at, error)}</li>
            ))}
          </ol>
        </details>
      )}
    </li>
  );
}
