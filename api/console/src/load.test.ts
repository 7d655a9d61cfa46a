import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { load, Outdated } from "./load";

/** How the server answers when it is asked whether it is there; afterwards it is. */
let absences: (number | Error)[];

/** Return an importer that fails so often at first. */
const failing = (times: number) => {
  let left = times;
  return vi.fn(async () => {
    if (left-- > 0) throw new TypeError("Failed to fetch dynamically imported module: /assets/part.js");
    return "the part";
  });
};

beforeEach(() => {
  absences = [];
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async () => {
    const absence = absences.shift();
    if (absence instanceof Error) throw absence;
    return new Response("", { status: absence ?? 200 });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a part is loaded once the server is there again, and not asked for before", async () => {
  absences = [new TypeError("Failed to fetch"), 502, 503, 503, 503, 503];
  const importer = failing(1);
  const part = load(importer);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(importer).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await part).toBe("the part");
});

test("a part that another front door has is loaded there", async () => {
  const part = load(failing(3));
  await vi.runAllTimersAsync();
  expect(await part).toBe("the part");
});

test("a part that nobody has is of another version", async () => {
  const part = expect(load(failing(100))).rejects.toBeInstanceOf(Outdated);
  await vi.runAllTimersAsync();
  await part;
});
