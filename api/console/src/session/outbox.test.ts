import { afterEach, beforeEach, expect, test, vi } from "vitest";

const DAY_MS = 24 * 60 * 60 * 1_000;
const BOX = "perdure.outbox.session_1";

const ADA = "ada first";

/** What the server was sent: keys and texts; and how it answers at first. */
let sent: [string | null, string][];
let refusals: number[];
let storage: Record<string, string>;
/** Whom it takes for logged in, by what it answers to who asks; and where the page went. */
let logins: (string | number)[];
let went: string[];

const letter = (wantedAt: number, author = ADA) => ({ key: "1-2-3-4", author, text: "Hello", wantedAt });
const keep = (...letters: object[]) => sessionStorage.setItem(BOX, JSON.stringify(letters));

async function start() {
  vi.resetModules();
  return await import("./outbox");
}

/** Return the outboxes of a page where somebody is known to be logged in. */
async function startFor(whom: string) {
  const outboxes = await start();
  outboxes.deliverFor(whom);
  return outboxes;
}

/** Return what a page does that is opened anew, and what becomes of logins there. */
async function open() {
  const outboxes = await start();
  return {
    ...outboxes,
    ...(await import("../again")),
    ...(await import("../api/standing")),
    ...(await import("./drafts")),
  };
}

function who(): Response {
  const login = logins.length > 1 ? logins.shift() : logins[0];
  if (typeof login === "number") return new Response("{}", { status: login });
  const [id, organization_id] = (login ?? "").split(" ");
  return Response.json({ id, organization_id });
}

beforeEach(() => {
  [sent, refusals, logins, went] = [[], [], [ADA], []];
  vi.useFakeTimers();
  storage = Object.create({
    getItem: (name: string) => storage[name] ?? null,
    setItem: (name: string, text: string) => {
      storage[name] = text;
    },
    removeItem: (name: string) => delete storage[name],
    clear: () => {
      for (const name of Object.keys(storage)) delete storage[name];
    },
  });
  vi.stubGlobal("sessionStorage", storage);
  vi.stubGlobal("location", { origin: "http://localhost", replace: (to: string) => went.push(to) });
  vi.stubGlobal("document", Object.assign(new EventTarget(), { cookie: "" }));
  vi.stubGlobal("fetch", async (request: Request) => {
    if (request.url.endsWith("/auth/me")) return who();
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
  const outbox = (await startFor(ADA)).outboxOf("session_1");
  outbox.send("Hello", {});
  outbox.send("And more", {});
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent.map(([, text]) => text)).toEqual(["Hello", "Hello", "And more"]);
  expect(sent[0]?.[0]).toBe(sent[1]?.[0]);
  expect([outbox.current(), sessionStorage.getItem(BOX)]).toEqual([[], null]);
});

test("what was waiting when the page was left is sent when it is there again", async () => {
  keep(letter(Date.now() - DAY_MS / 2));
  await startFor(ADA);
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual([["1-2-3-4", "Hello"]]);
});

test("what the server may have forgotten that it has is sent when somebody wants it", async () => {
  keep(letter(Date.now() - DAY_MS - 1));
  const { outboxOf } = await startFor(ADA);
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual([]);
  expect(outboxOf("session_1").current()[0]?.refusal).toContain("more than a day");
  outboxOf("session_1").again("1-2-3-4");
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toHaveLength(1);
});

test("what is refused waits for somebody, and holds up nothing", async () => {
  refusals = [400];
  const outbox = (await startFor(ADA)).outboxOf("session_1");
  outbox.send("Hello", {});
  outbox.send("And more", {});
  await vi.advanceTimersByTimeAsync(0);
  expect(outbox.current().map(({ text, refusal }) => [text, refusal !== undefined])).toEqual([["Hello", true]]);
});

test("what nobody is logged in for waits", async () => {
  refusals = [401];
  const outbox = (await startFor(ADA)).outboxOf("session_1");
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

test("what somebody wrote is neither sent nor shown for whoever logs in next", async () => {
  keep(letter(Date.now()));
  Object.assign(storage, { "perdure.whose": ADA, "perdure.written.new": "{}" });
  logins = ["bob first"];
  const { beforeShown, outboxOf } = await open();
  await beforeShown();
  outboxOf("session_1").subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([sent, Object.entries(storage)]).toEqual([[], [["perdure.whose", "bob first"]]]);
});

test("nothing is sent before it is known who is logged in, however long the server does not say", async () => {
  keep(letter(Date.now()));
  Object.assign(storage, { "perdure.whose": ADA });
  logins = [503, 502, ADA];
  const { beforeShown, outboxOf } = await open();
  const isShown = beforeShown();
  outboxOf("session_1").subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(900);
  expect(sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(5_000);
  await isShown;
  expect(sent).toEqual([["1-2-3-4", "Hello"]]);
});

test("what nobody signed on an earlier page is sent when somebody wants it, and what somebody else did is not", async () => {
  keep({ ...letter(Date.now()), author: undefined }, { ...letter(Date.now(), "bob first"), key: "5-6-7-8" });
  const outbox = (await startFor(ADA)).outboxOf("session_1");
  await vi.advanceTimersByTimeAsync(0);
  expect([sent, outbox.current()[0]?.refusal]).toEqual([[], expect.stringContaining("before it was known")]);
  outbox.again("1-2-3-4");
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual([["1-2-3-4", "Hello"]]);
});

test("what is on its way when somebody leaves is not kept, nor sent by whoever comes", async () => {
  refusals = [503];
  const { deliverFor, forget, outboxOf } = await open();
  deliverFor(ADA);
  const outbox = outboxOf("session_1");
  outbox.send("Hello", {});
  await vi.advanceTimersByTimeAsync(0);
  const leave = outbox.subscribe(() => undefined);
  forget();
  leave();
  deliverFor("bob first");
  await vi.advanceTimersByTimeAsync(2_000);
  expect([sent.length, Object.keys(storage)]).toEqual([1, []]);
});

test("what nobody can tell at first loses nothing of who logs in again, and somebody else finds nothing", async () => {
  logins = [500, ADA];
  const { watchLogins, letIn, refused, outboxOf, changeDraft, draftOf } = await open();
  watchLogins({ invalidateQueries: async () => undefined } as never);
  letIn();
  const outbox = outboxOf("session_1");
  outbox.send("Hello", {});
  changeDraft("answer call_1", "", () => "It rained");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sent).toHaveLength(1);
  refused();
  outbox.send("And more", {});
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sent).toHaveLength(1);
  letIn();
  await vi.advanceTimersByTimeAsync(5_000);
  expect([sent.length, draftOf("answer call_1", ""), went]).toEqual([2, "It rained", []]);
  refused();
  outbox.send("The last", {});
  logins = ["bob first"];
  letIn();
  await vi.advanceTimersByTimeAsync(5_000);
  expect([sent.length, draftOf("answer call_1", ""), went]).toEqual([2, "", ["/"]]);
});

test("what is too long to be kept is sent all the same, once", async () => {
  storage = Object.create({
    ...Object.getPrototypeOf(storage),
    setItem: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
  });
  vi.stubGlobal("sessionStorage", storage);
  const outbox = (await startFor(ADA)).outboxOf("session_1");
  outbox.send("Hello", {});
  outbox.send("And more", {});
  await vi.advanceTimersByTimeAsync(0);
  expect([sent.map(([, text]) => text), outbox.current()]).toEqual([["Hello", "And more"], []]);
});
