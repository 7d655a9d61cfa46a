import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LogEvent } from "./event";
import type { Follower } from "./follow";

/** A server's log: what it shows of it, what a line brings live, and how it answers at first. */
let shown: number[];
let live: number[];
let refusals: number[];
let lines: number;

const eventOf = (sequence: number): LogEvent => ({
  id: `event_${sequence}`,
  type: "tool.progress",
  ts: "2026-01-01T00:00:00.000Z",
  session_id: "session_1",
  sequence,
  context: {},
  data: {},
});
const frame = (type: string, data: unknown) => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;

function stream(after: number, signal: AbortSignal): Response {
  const status = refusals.shift();
  if (status !== undefined) return new Response("{}", { status });
  lines += 1;
  const sent = [...shown.filter((sequence) => sequence > after), ...live].map((at) =>
    frame("tool.progress", eventOf(at)),
  );
  shown = [...new Set([...shown, ...live])];
  live = [];
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode([frame("connected", {}), ...sent].join("")));
      signal.addEventListener("abort", () => controller.error(signal.reason));
    },
  });
  return new Response(body);
}

let follower: Follower;
let leave: () => void;

beforeEach(async () => {
  [shown, live, refusals, lines] = [[1, 2], [], [], 0];
  const deaf = { addEventListener: () => undefined, removeEventListener: () => undefined };
  vi.stubGlobal("location", { origin: "http://localhost" });
  vi.stubGlobal("document", { ...deaf, hidden: false, cookie: "" });
  vi.stubGlobal("addEventListener", deaf.addEventListener);
  vi.stubGlobal("removeEventListener", deaf.removeEventListener);
  vi.stubGlobal("fetch", async ({ url, signal }: Request) => {
    const after = new URL(url).searchParams.get("after_sequence");
    return after === null ? Response.json({ data: shown.map(eventOf) }) : stream(Number(after), signal);
  });
  follower = new (await import("./follow")).Follower("session_1");
  leave = () => undefined;
});

afterEach(() => {
  leave();
  vi.unstubAllGlobals();
});

const look = () => {
  leave = follower.subscribe(() => undefined);
};
const until = (isSo: () => boolean) => vi.waitFor(() => expect(isSo()).toBe(true));

test("an event that the server does not show leaves a hole, and what comes after it is there", async () => {
  [shown, live] = [
    [1, 2],
    [3, 5, 6],
  ];
  look();
  await until(() => follower.current().conversation.last === 6);
  expect(lines).toBe(2); // the hole was asked for once
  expect(follower.events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 5, 6]);
  expect([2, 3, 4, 5, 6, 7].map((sequence) => follower.eventAt(sequence)?.sequence)).toEqual([
    2,
    3,
    undefined,
    5,
    6,
    undefined,
  ]);
});

test.each([500, 408, 524])("an odd %i does not end it", async (status) => {
  refusals = [status];
  look();
  await until(() => follower.current().line === "live");
});

test("what was refused is asked for again when somebody wants it", async () => {
  refusals = [403];
  look();
  await until(() => follower.current().refusal !== null);
  follower.again();
  await until(() => follower.current().line === "live");
  expect(follower.current().refusal).toBeNull();
});
