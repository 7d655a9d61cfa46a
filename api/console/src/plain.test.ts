import { expect, test } from "vitest";
import { plainOf } from "./plain";

test.each([
  ["Everything that was **accepted**, `kill -9` and all.", "Everything that was accepted, kill -9 and all."],
  ["# Plan\n\n1. Ship it\n2. *Watch* it\n\n> and sleep", "Plan Ship it Watch it and sleep"],
  ["- [x] done\n- [ ] not\n* star", "done not star"],
  ["See [the docs](https://example.org/a_b) ![a cat](cat.png)", "See the docs a cat"],
  ["```python\nprint(1)\n```\nThat is all.", "print(1) That is all."],
  ["| a | b |\n|---|---|\n| 1 | 2 |", "| a | b | | 1 | 2 |"],
  ["cut off in **the mid", "cut off in the mid"],
  ["cut off in [a link](htt", "cut off in a link"],
  ["snake_case_name, 2 * 3 * 4, a ~ b", "snake_case_name, 2 * 3 * 4, a ~ b"],
  ["", ""],
])("%j reads %j", (markdown, plain) => {
  expect(plainOf(markdown)).toBe(plain);
});
