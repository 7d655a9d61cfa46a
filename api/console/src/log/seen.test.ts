import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HIDDEN_MS, whileSeen } from "./seen";

/** A page, as far as it can be seen and hidden. */
class Page extends EventTarget {
  constructor(public hidden: boolean) {
    super();
  }

  turn(hidden: boolean): void {
    this.hidden = hidden;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

const heard: string[] = [];
const stop = new AbortController();

/** A line that is open until somebody hangs up. */
function line(signal: AbortSignal): Promise<void> {
  heard.push("open");
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

beforeEach(() => {
  vi.useFakeTimers();
  heard.length = 0;
});
afterEach(() => void vi.useRealTimers());

test("a page that is hidden for a moment keeps its line, and lets it go after a while", async () => {
  const page = new Page(false);
  const listening = whileSeen(stop.signal, line, page).then(() => heard.push("let go"));
  await vi.advanceTimersByTimeAsync(0);
  page.turn(true);
  await vi.advanceTimersByTimeAsync(HIDDEN_MS - 1);
  page.turn(false);
  await vi.advanceTimersByTimeAsync(HIDDEN_MS * 2);
  expect(heard).toEqual(["open"]);
  page.turn(true);
  await vi.advanceTimersByTimeAsync(HIDDEN_MS);
  await listening;
  expect(heard).toEqual(["open", "let go"]);
});

test("a page that nobody sees listens once it is seen", async () => {
  const page = new Page(true);
  const over = new AbortController();
  const listening = whileSeen(over.signal, line, page);
  await vi.advanceTimersByTimeAsync(HIDDEN_MS * 2);
  expect(heard).toEqual([]);
  page.turn(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual(["open"]);
  over.abort();
  await expect(listening).rejects.toThrow();
});

test("a line that breaks is said to be broken, and one that nobody wants is not opened", async () => {
  const broken = whileSeen(stop.signal, () => Promise.reject(new Error("broken")), new Page(false));
  await expect(broken).rejects.toThrow("broken");
  await whileSeen(AbortSignal.abort(), line, new Page(true));
  expect(heard).toEqual([]);
});
