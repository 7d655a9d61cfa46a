import { expect, test } from "vitest";
import type { LogEvent } from "./event";
import { turnsOf } from "./spans";

const files = import.meta.glob<LogEvent[]>("./recorded/*.json", { eager: true, import: "default" });
const log = (name: string) => (files[`./recorded/${name}.json`] ?? []).filter((event) => event.sequence !== undefined);

test.each(Object.keys(files))("every span of %s lies in its turn and has ended", (path) => {
  const turns = turnsOf((files[path] ?? []).filter((event) => event.sequence !== undefined));
  expect(turns.length).toBeGreaterThan(0);
  for (const { spans, durationMs, outcome } of turns) {
    expect(outcome).not.toBeNull();
    for (const span of spans) {
      expect(span.endMs).toBeGreaterThanOrEqual(span.startMs);
      if (outcome === "completed") expect(span.endMs).toBeLessThanOrEqual(durationMs ?? 0);
    }
  }
});

test("tools of one answer run between two calls of the model", () => {
  const [turn] = turnsOf(log("tools"));
  expect(turn?.spans.map(({ kind }) => kind)).toEqual(["model", "tool", "tool", "model"]);
  expect(turn?.spans.map(({ isBad }) => isBad)).toEqual([false, false, true, false]);
});

test("the time that a person takes is a wait of its own, and a takeover is marked", () => {
  const [turn] = turnsOf(log("asked"));
  expect(turn?.spans.map(({ kind }) => kind)).toContain("wait");
  expect(turnsOf(log("killed"))[0]?.moves.length).toBe(1);
});

test("a turn whose beginning is not there is left out", () => {
  const events = log("tools");
  const began = events.findIndex((event) => event.type === "turn.started");
  expect(turnsOf(events.slice(began + 1))).toEqual([]);
});
