/** The fold, against logs that a real server streamed while things went wrong (recorded by `tests/browser/record.py`). */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Conversation, EMPTY, type StepEntry } from "./conversation";
import type { LogEvent } from "./event";
import { fold } from "./fold";

const files = import.meta.glob<LogEvent[]>("./recorded/*.json", { eager: true, import: "default" });
const recorded = Object.entries(files).map(([path, events]) => [path.replace(/.*\/|\.json/g, ""), events] as const);

const durable = (events: readonly LogEvent[]) => events.filter((event) => event.sequence !== undefined);
const steps = (conversation: Conversation) =>
  conversation.entries.filter((entry): entry is StepEntry => entry.kind === "step");
const questions = (conversation: Conversation) =>
  steps(conversation).flatMap((step) => step.calls.filter((call) => call.state === "asked"));
const log = (name: string) => recorded.find(([there]) => there === name)?.[1] ?? [];

test("there are recorded logs, of every kind that is named here", () => {
  const names = recorded.map(([name]) => name);
  expect(names).toEqual(expect.arrayContaining(["asked", "cancelled", "failed", "killed", "steered", "tools"]));
});

describe.each(recorded)("the log %s", (_, events) => {
  const whole = fold(EMPTY, durable(events));

  test("comes to the same with its deltas and without", () => {
    expect(fold(EMPTY, events)).toEqual(whole);
  });

  test("comes to the same wherever it is cut, and whatever of it comes again", () => {
    const cut = fc.array(fc.tuple(fc.nat(events.length), fc.nat(events.length)), { maxLength: 6 });
    fc.assert(
      fc.property(cut, (cuts) => {
        let made = EMPTY;
        let reached = 0;
        for (const [end, again] of cuts) {
          // What comes again begins where something was durable before; deltas in between may be lost.
          made = fold(made, events.slice(Math.min(again, reached), Math.max(end, reached)).filter(lost(again)));
          reached = Math.max(end, reached);
        }
        expect(fold(made, durable(events))).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  test("comes to the same event by event", () => {
    expect(events.reduce((made, event) => fold(made, [event]), EMPTY)).toEqual(whole);
  });

  test("leaves what was there before as it was", () => {
    const half = fold(EMPTY, events.slice(0, events.length / 2));
    const kept = structuredClone(half);
    const further = fold(half, events);
    expect(half).toEqual(kept);
    for (const [at, entry] of half.entries.entries()) {
      const same = further.entries[at];
      if (JSON.stringify(same) === JSON.stringify(entry)) expect(same).toBe(entry);
    }
  });

  test("is at rest at its end", () => {
    expect([whole.isBusy, whole.turnId, whole.last]).toEqual([false, null, durable(events).length]);
    expect(steps(whole).filter((step) => step.isOpen || step.isThinking)).toEqual([]);
    expect(steps(whole).flatMap((step) => step.calls.filter((call) => call.state !== "done"))).toEqual([]);
    expect(questions(whole)).toEqual([]);
  });
});

/** Deltas are lost at random, durable events never. */
function lost(seed: number): (event: LogEvent) => boolean {
  return (event) => event.sequence !== undefined || (event.id.charCodeAt(event.id.length - 1) + seed) % 3 !== 0;
}

test("what is being said grows, and is forgotten when the session was moved", () => {
  const texts: string[] = [];
  const seen: number[] = [];
  log("killed").reduce((made, event) => {
    const next = fold(made, [event]);
    texts.push(steps(next).at(-1)?.text ?? "");
    seen.push(steps(next).at(-1)?.moves ?? 0);
    return next;
  }, EMPTY);
  const movedAt = seen.indexOf(1);
  expect(movedAt).toBeGreaterThan(0);
  expect(texts[movedAt - 1]).not.toBe("");
  expect(texts[movedAt]).toBe("");
  expect(texts.at(-1)?.startsWith(texts[movedAt - 1] ?? "?")).toBe(true);
});

test("a question stands while nobody has answered", () => {
  const waiting: number[] = [];
  log("asked").reduce((made, event) => {
    const next = fold(made, [event]);
    waiting.push(questions(next).length);
    return next;
  }, EMPTY);
  expect(Math.max(...waiting)).toBe(1);
  const [call] = steps(fold(EMPTY, log("asked"))).flatMap((step) => step.calls);
  expect(call).toMatchObject({ decision: "happened", outcome: "success", question: null });
});

test("the note of a cancel is told apart from what somebody said", () => {
  const { entries } = fold(EMPTY, log("cancelled"));
  expect(entries.filter((entry) => entry.kind === "user").map((entry) => entry.isNote)).toEqual([false, true]);
  expect(entries.find((entry) => entry.kind === "end")).toMatchObject({ outcome: "cancelled" });
});

test("a failed turn says why", () => {
  const end = fold(EMPTY, log("failed")).entries.find((entry) => entry.kind === "end");
  expect(end).toMatchObject({ outcome: "failed" });
  expect(end?.words).not.toBe("");
});

test("calls of one answer stand side by side, each with its own result", () => {
  const [first] = steps(fold(EMPTY, log("tools")));
  expect(first?.calls.map(({ name, outcome }) => [name, outcome])).toEqual([
    ["add", "success"],
    ["divide", "error"],
  ]);
});

test.each(recorded)("a page that begins in the middle of %s is folded as far as it goes", (_, all) => {
  const events = durable(all);
  for (let at = 0; at < events.length; at++) {
    const { first, last, isBusy, turnId } = fold(EMPTY, events.slice(at));
    expect([first, last, isBusy, turnId]).toEqual([at + 1, events.length, false, null]);
  }
});

test.each(recorded)("a page that begins in the middle of a turn of %s knows that it is open", (_, all) => {
  const events = durable(all);
  for (const [at, { type, context }] of events.entries()) {
    if (type !== "reason.started") continue;
    expect(fold(EMPTY, events.slice(at, at + 1))).toMatchObject({ turnId: context.turn_id, isBusy: true });
  }
});

test("what a later server says, and nobody here knows, counts and means nothing", () => {
  const events = durable(log("tools"));
  const strange = { ...events[0], type: "weather.changed", sequence: events.length + 1 } as LogEvent;
  const before = fold(EMPTY, events);
  expect(fold(before, [strange])).toEqual({ ...before, last: events.length + 1 });
});
