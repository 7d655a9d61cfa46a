/** Calls that a crash cut off, and about which a person must decide: the longest waiting first. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { LINK } from "../parts/looks";
import { Part, Row } from "../parts/page";
import { Empty, Trouble } from "../parts/states";
import { words } from "../words";
import { operating } from "./queries";

export function Decisions() {
  const decisions = useQuery(operating.decisions);
  const { data } = decisions;
  return (
    <Part title={words.operate.decisions}>
      {decisions.isError && <Trouble error={decisions.error} retry={() => void decisions.refetch()} />}
      {data?.data.length === 0 && <Empty>{words.operate.noDecisions}</Empty>}
      <ul className="grid gap-2">
        {data?.data.map((waiting) => (
          <Row
            key={`${waiting.session_id} ${waiting.tool_call_id}`}
            name={waiting.headline}
            note={`${waiting.tool_name} · ${words.operate.asked(waiting.asked_at, waiting.expires_at)}`}
          >
            <Link to="/sessions/$sessionId" params={{ sessionId: waiting.session_id }} className={LINK}>
              {words.operate.open}
            </Link>
          </Row>
        ))}
      </ul>
      {data !== undefined && data.total > data.data.length && (
        <p className="text-sm text-soft">{words.operate.more(data.total - data.data.length)}</p>
      )}
    </Part>
  );
}
