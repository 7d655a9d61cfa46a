import { expect, test } from "vitest";
import { say } from "./say";

test.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [1_000, "1.0 s"],
  [59_900, "59.9 s"],
  [61_000, "1 min 1 s"],
])("%i milliseconds are %s", (ms, text) => {
  expect(say.duration(ms)).toBe(text);
});

test.each([
  [1, "1 B"],
  [2_048, "2.0 KB"],
  [3_145_728, "3.0 MB"],
])("%i bytes are %s", (size, text) => {
  expect(say.bytes(size)).toBe(text);
});
