/** What charts draw: the table of charts, and columns of numbers made of points. */

import { say } from "../say";
import { words } from "../words";
import type { Point } from "./points";

const SECONDS = 10;
const said = words.operate.chart;

export type Tone = "accent" | "warn" | "bad" | "soft";

export interface Line {
  label: string;
  tone: Tone;
  of: (point: Point) => number | null;
}

export interface Chart {
  title: string;
  lines: readonly Line[];
  say: (value: number) => string;
  /** Whether most points have no value, so that lines go on over holes. */
  isSparse?: boolean;
}

const rate = (value: number) => value / SECONDS;
const sayRate = (value: number) => (value >= 10 ? say.compact(value) : String(Math.round(value * 100) / 100));

export const CHARTS: readonly Chart[] = [
  {
    title: said.turns.title,
    say: sayRate,
    lines: [
      { label: said.turns.completed, tone: "accent", of: (point) => rate(point.turns_completed) },
      { label: said.turns.failed, tone: "bad", of: (point) => rate(point.turns_failed) },
      { label: said.turns.cancelled, tone: "soft", of: (point) => rate(point.turns_cancelled) },
    ],
  },
  {
    title: said.firstToken.title,
    say: say.duration,
    isSparse: true,
    lines: [
      { label: said.firstToken.p50, tone: "accent", of: (point) => point.first_token_p50_ms ?? null },
      { label: said.firstToken.p95, tone: "warn", of: (point) => point.first_token_p95_ms ?? null },
    ],
  },
  {
    title: said.tokens.title,
    say: sayRate,
    lines: [
      { label: said.tokens.input, tone: "accent", of: (point) => rate(point.input_tokens) },
      { label: said.tokens.output, tone: "warn", of: (point) => rate(point.output_tokens) },
      { label: said.tokens.cached, tone: "soft", of: (point) => rate(point.cached_tokens) },
    ],
  },
  {
    title: said.cost.title,
    say: say.cost,
    isSparse: true,
    lines: [
      {
        label: said.cost.cost,
        tone: "accent",
        of: (point) => (point.cost_usd == null ? null : (point.cost_usd * 60) / SECONDS),
      },
    ],
  },
  {
    title: said.trouble.title,
    say: say.number,
    lines: [
      { label: said.trouble.failures, tone: "bad", of: (point) => point.model_failures },
      { label: said.trouble.retries, tone: "warn", of: (point) => point.model_retries },
    ],
  },
  {
    title: said.recovery.title,
    say: say.number,
    lines: [
      { label: said.recovery.recoveries, tone: "accent", of: (point) => point.recoveries },
      { label: said.recovery.deaths, tone: "warn", of: (point) => point.actor_deaths },
      { label: said.recovery.quarantined, tone: "bad", of: (point) => point.quarantined },
    ],
  },
  {
    title: said.sessions.title,
    say: say.compact,
    lines: [
      { label: said.sessions.placed, tone: "accent", of: (point) => point.sessions },
      { label: said.sessions.running, tone: "warn", of: (point) => point.sessions_running },
      { label: said.sessions.waiting, tone: "bad", of: (point) => point.sessions_waiting },
    ],
  },
  {
    title: said.streams.title,
    say: say.compact,
    lines: [
      { label: said.streams.streams, tone: "accent", of: (point) => point.streams },
      { label: said.streams.refused, tone: "bad", of: (point) => point.requests_failed },
    ],
  },
];

/** Seconds, then a column for each line. Where points are missing an empty one breaks the lines. */
export function columns(points: readonly Point[], lines: readonly Line[]): [number[], ...(number | null)[][]] {
  const times: number[] = [];
  const values: (number | null)[][] = lines.map(() => []);
  for (const point of points) {
    const at = Date.parse(point.timestamp) / 1_000;
    const last = times.at(-1);
    if (last !== undefined && at - last > SECONDS) {
      times.push(last + SECONDS);
      for (const column of values) column.push(null);
    }
    times.push(at);
    lines.forEach((line, index) => {
      values[index]?.push(line.of(point));
    });
  }
  return [times, ...values];
}

/** Failed turns of all points by their code, the most frequent first. */
export function failuresOf(points: readonly Point[]): [string, number][] {
  const found = new Map<string, number>();
  for (const point of points)
    for (const [code, count] of Object.entries(point.failures)) found.set(code, (found.get(code) ?? 0) + count);
  return [...found].sort(([, one], [, other]) => other - one);
}
