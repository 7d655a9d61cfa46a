import { afterEach, beforeEach, expect, test, vi } from "vitest";

const DAY_MS = 24 * 60 * 60 * 1_000;
const BOX = "perdure.outbox.session_1";

/** What the server was sent: keys and texts; and how it answers at first. */
let sent: [string | null, string][];
let refusals: number[];
let storage: Record<string, string>;

const letter = (wantedAt: number) => ({ key: "1-2-3-4", text: "Hello", wantedAt });
const keep = (...letters: object[]) => sessionStorage.setItem(BOX, JSON.stringify(letters));

async function start() {
  vi.resetModules();
  return await import("./outbox");
}

beforeEach(() => {
  [sent, refusals] = [[], []];
  vi.useFakeTimers();
  storage = Object.create({
    getItem: (name: string) => storage[name] ?? null,
    setItem: (name: string, text: string) => {
      storage[name] = text;
    },
    removeItem: (name: string) => delete storage[name],
  });
  vi.stubGlobal("sessionStorage", storage);
  vi.stubGlobal("location", { origin: "http://localhost" });
  vi.stubGlobal("document", { cookie: "" });
  vi.stubGlobal("fetch", async (request: Request) => {
    const { message } = (await request.json()) as { message: { content: { text: string }[] } };
    sent.push([request.headers.get("Idempotency-Key"), message.content[0]?.text ?? ""]);
    const status = refusals.shift();
    return status === undefined ? Response.json({ id: `message_${sent.length}` }) : new Response("{}", { status });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("what nobody answers is sent again with its key, though nobody looks", async () => {
  refusals = [503];
  const outbox = (await start()).outboxOf("session_1");
  outbox.send("Hello", {});
  outbox.send("And more", {});
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent.map(([, text]) => text)).toEqual(["Hello", "Hello", "And more"]);
  expect(sent[0]?.[0]).toBe(sent[1]?.[0]);
  expect([outbox.current(), sessionStorage.getItem(BOX)]).toEqual([[], null]);
});

test("what was waiting when the page was left is sent when it is there again", async () => {
  keep(letter(Date.now() - DAY_MS / 2));
  (await start()).deliverAll();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual([["1-2-3-4", "Hello"]]);
});

test("what the server may have forgotten that it has is sent when somebody wants it", async () => {
  keep(letter(Date.now() - DAY_MS - 1));
  const { deliverAll, outboxOf } = await start();
  deliverAll();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual([]);
  expect(outboxOf("session_1").current()[0]?.refusal).toContain("more than a day");
  outboxOf("session_1").again("1-2-3-4");
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toHaveLength(1);
});

test("what is refused waits for somebody, and holds up nothing", async () => {
  refusals = [400];
  const outbox = (await start()).outboxOf("session_1");
  outbox.send("Hello", {});
  outbox.send("And more", {});
  await vi.advanceTimersByTimeAsync(0);
  expect(outbox.current().map(({ text, refusal }) => [text, refusal !== undefined])).toEqual([["Hello", true]]);
});

test("what nobody is logged in for waits", async () => {
  refusals = [401];
  const outbox = (await start()).outboxOf("session_1");
  outbox.send("Hello", {});
  await vi.advanceTimersByTimeAsync(1_000);
  expect(outbox.current().map(({ refusal }) => refusal)).toEqual([undefined]);
  const leave = outbox.subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(0);
  expect(outbox.current()[0]?.messageId).toBe("message_2");
  outbox.settle((id) => id === "message_2");
  expect(outbox.current()).toEqual([]);
  leave();
});
