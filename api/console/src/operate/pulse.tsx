/** The cluster's pulse: how it does, and its last hour, both live. */

import { lazy, useSyncExternalStore } from "react";
import { load } from "../load";
import { Later } from "../parts/later";
import { Part } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { words } from "../words";
import { cluster } from "./cluster";
import { Gauges, HealthLine } from "./health";
import { failuresOf } from "./series";

const said = words.operate;
const Charts = lazy(() => load(() => import("./charts")).then(({ Charts }) => ({ default: Charts })));

const useCluster = () => useSyncExternalStore(cluster.subscribe, cluster.current);

export function Pulse() {
  const { health, points, line, refusal } = useCluster();
  return (
    <Part title={said.health}>
      {refusal !== null && <Trouble error={refusal} retry={cluster.again} />}
      {refusal === null && health === null && <Loading />}
      {health !== null && (
        <>
          <HealthLine health={health} line={line} />
          <Gauges health={health} point={points.at(-1)} />
        </>
      )}
    </Part>
  );
}

export function LastHour() {
  const { health, points } = useCluster();
  if (health === null) return null;
  const failures = failuresOf(points);
  return (
    <Part title={said.charts} hint={said.chartsHint}>
      {points.length === 0 ? (
        <Empty>{said.noPoints}</Empty>
      ) : (
        <Later until={<Loading />}>
          <Charts points={points} />
        </Later>
      )}
      {failures.length > 0 && (
        <div className="text-sm">
          <h3 className="font-medium">{said.failures}</h3>
          <ul className="mt-1 flex flex-wrap gap-x-4 text-xs">
            {failures.map(([code, count]) => (
              <li key={code}>
                <span className="font-mono">{code}</span> {count}
              </li>
            ))}
          </ul>
        </div>
      )}
    </Part>
  );
}
