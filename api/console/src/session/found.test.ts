import { expect, test } from "vitest";
import type { LogEvent } from "../log/event";
import { BEGINNING, countOf, nextOf, PAGE, pageOf, partOf } from "./found";

const events = (count: number, first: number) =>
  Array.from({ length: count }, (_, at) => ({ sequence: first + at }) as LogEvent);

test("what a log grew by is read after what was looked through, and nothing is read or counted again", () => {
  const first = pageOf(events(PAGE, 1), 203, 5_000, BEGINNING);
  const more = nextOf(first, 5_000);
  expect(more).toEqual({ after: PAGE, isNews: false });
  const last = pageOf(events(3, 900), 203, 5_000, more ?? BEGINNING);
  expect([countOf([first]), countOf([first, last])]).toEqual([203, 203]);
  expect(nextOf(last, 5_000)).toBeUndefined();
  const since = nextOf(last, 5_010);
  expect(since && partOf(since)).toEqual({ after_sequence: 5_000 });
  const news = pageOf(events(1, 5_004), null, 5_010, since ?? BEGINNING);
  expect(countOf([first, last, news])).toBe(204);
  expect([nextOf(news, 5_010), nextOf(news, 5_011)]).toEqual([undefined, { after: 5_010, isNews: true }]);
});

test("what came while it was asked for is looked through too", () => {
  expect(nextOf(pageOf(events(1, 12), 1, 10, BEGINNING), 12)).toBeUndefined();
});
