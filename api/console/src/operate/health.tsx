/** How the cluster does, at a glance. */

import { say } from "../say";
import { words } from "../words";
import type { Health, View } from "./cluster";
import type { Point } from "./points";

const said = words.operate;
const DOTS = { healthy: "bg-good", degraded: "bg-warn", unhealthy: "bg-bad" };

export function HealthLine({ health, line }: { health: Health; line: View["line"] }) {
  return (
    <div className="rounded-xl border border-line bg-raised p-4">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span aria-hidden="true" className={`size-2.5 rounded-full ${DOTS[health.status]}`} />
        <strong className="font-semibold">{said.statuses[health.status]}</strong>
        <span className={`text-xs text-soft ${line === "live" ? "" : "breathing"}`}>{said.lines[line]}</span>
        {health.dashboard_url != null && (
          <a
            href={health.dashboard_url}
            target="_blank"
            rel="noreferrer"
            className="ml-auto text-sm text-accent underline"
          >
            {said.dashboard}
          </a>
        )}
      </div>
      {health.reasons.length > 0 && (
        <div role="alert" className="mt-2 text-sm">
          <ul className="grid gap-1">
            {health.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

export function Gauges({ health, point }: { health: Health; point: Point | undefined }) {
  const { workers, sessions, dlq } = health;
  const gauges = said.gauges;
  return (
    <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3">
      <Gauge
        name={gauges.sessions}
        value={sessions == null ? null : say.number(sessions.placed)}
        notes={[
          point && `${say.number(point.sessions_running)} ${gauges.running}`,
          sessions != null && sessions.waiting > 0 && `${say.number(sessions.waiting)} ${gauges.waiting}`,
        ]}
      />
      <Gauge
        name={gauges.actors}
        value={workers == null ? null : say.number(workers.active)}
        notes={[
          workers != null && `${workers.standby} ${gauges.standby}`,
          workers != null && workers.starting > 0 && `${workers.starting} ${gauges.starting}`,
          workers != null && workers.draining > 0 && `${workers.draining} ${gauges.draining}`,
        ]}
      />
      <Gauge
        name={gauges.load}
        value={health.load_percentage == null ? null : `${health.load_percentage} %`}
        notes={[workers != null && gauges.capacity(workers.total_capacity)]}
      />
      <Gauge
        name={gauges.quarantine}
        value={dlq == null ? null : dlq.is_total_exact ? say.number(dlq.total) : gauges.atLeast(dlq.total)}
        notes={[gauges.everywhere(Object.keys(dlq?.organizations ?? {}).length)]}
      />
      <Gauge name={gauges.streams} value={say.number(health.event_delivery.streams)} notes={[gauges.here]} />
      <Gauge
        name={gauges.nodes}
        value={health.nodes == null ? null : say.number(health.nodes)}
        notes={[health.front_doors != null && gauges.doors(health.front_doors)]}
      />
    </dl>
  );
}

interface GaugeProps {
  name: string;
  value: string | null;
  notes: (string | false | undefined)[];
}

function Gauge({ name, value, notes }: GaugeProps) {
  return (
    <div className="min-w-0 rounded-xl border border-line bg-raised px-4 py-3">
      <dt className="truncate text-xs text-soft">{name}</dt>
      <dd className="text-xl font-semibold">{value ?? "–"}</dd>
      <dd className="text-xs text-soft">{notes.filter(Boolean).join(" · ")}</dd>
    </div>
  );
}
