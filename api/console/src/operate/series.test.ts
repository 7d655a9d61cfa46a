import { expect, test } from "vitest";
import { joined, type Point } from "./points";
import { columns, failuresOf } from "./series";

function point(second: number, turns_completed = 0, failures: Record<string, number> = {}): Point {
  const timestamp = new Date(1_700_000_000_000 + second * 1_000).toISOString();
  return { timestamp, turns_completed, failures } as unknown as Point;
}

const LINE = { label: "turns", tone: "accent", of: (one: Point) => one.turns_completed } as const;

test("a column for each line, with a hole where points are missing", () => {
  const [times, turns] = columns([point(0, 1), point(10, 2), point(40, 3)], [LINE]);
  expect(times).toEqual([0, 10, 20, 40].map((second) => 1_700_000_000 + second));
  expect(turns).toEqual([1, 2, null, 3]);
});

test("a point that follows is added once, and one behind a hole is not", () => {
  const points = [point(0), point(10)];
  expect(joined(points, point(20))?.length).toBe(3);
  expect(joined(points, point(10))).toBe(points);
  expect(joined(points, null)).toBe(points);
  expect(joined(points, point(40))).toBeNull();
  expect(joined([], point(40))?.length).toBe(1);
});

test("no more than an hour is kept", () => {
  const hour = Array.from({ length: 360 }, (_, number) => point(number * 10));
  const kept = joined(hour, point(3_600)) ?? [];
  expect([kept.length, kept.at(-1)?.timestamp]).toEqual([360, point(3_600).timestamp]);
});

test("failures are added up by their code, the most frequent first", () => {
  expect(failuresOf([point(0, 0, { a: 1, b: 1 }), point(10, 0, { b: 4 })])).toEqual([
    ["b", 5],
    ["a", 1],
  ]);
});
