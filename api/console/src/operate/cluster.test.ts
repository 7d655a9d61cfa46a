import { afterEach, expect, test, vi } from "vitest";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test.each([
  ["nobody is logged in for", 401, 2, false],
  ["is forbidden", 403, 1, true],
])("what %s is asked for again, or not", async (_, status, asked, isRefused) => {
  vi.resetModules();
  vi.useFakeTimers();
  let asks = 0;
  const deaf = { addEventListener: () => undefined, removeEventListener: () => undefined };
  vi.stubGlobal("location", { origin: "http://localhost" });
  vi.stubGlobal("document", { ...deaf, hidden: false, cookie: "" });
  vi.stubGlobal("fetch", async () => {
    asks += 1;
    return asks === 1 ? new Response("{}", { status }) : new Promise(() => undefined);
  });
  const { cluster } = await import("./cluster");
  const leave = cluster.subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([asks, cluster.current().refusal !== null]).toEqual([asked, isRefused]);
  leave();
});
