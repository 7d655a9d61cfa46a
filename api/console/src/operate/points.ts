/** The points of the last hour. */

import type { Schemas } from "../api/client";

export type Point = Schemas["PointReply"];

const RESOLUTION_MS = 10_000;
const POINTS = 360;

/** Return the points with a newer one; null if others are missing between them. */
export function joined(points: readonly Point[], point: Point | null): readonly Point[] | null {
  const last = points.at(-1);
  if (point === null || (last !== undefined && point.timestamp <= last.timestamp)) return points;
  const gap = last === undefined ? 0 : Date.parse(point.timestamp) - Date.parse(last.timestamp);
  return gap > RESOLUTION_MS ? null : [...points, point].slice(-POINTS);
}
