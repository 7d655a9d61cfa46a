import fc from "fast-check";
import { expect, test } from "vitest";
import { laidOut, read, valueIn } from "./exact";

test.each([
  "9007199254740993",
  "1.10",
  "1e5",
  "1e400",
  "-0",
  '{"id": 9007199254740993}',
  "[0.12345678901234567890]",
  "so",
])("what would be another value stays the text that somebody typed: %s", (text) => {
  expect(valueIn(text)).toBe(text);
});

test.each([
  ["42", 42],
  [" 0.5 ", 0.5],
  ['"1e5"', "1e5"],
  ['{"id": "9007199254740993", "cost": 1.10}', { id: "9007199254740993", cost: 1.1 }],
  ["[9007199254740991, -7, null]", [9_007_199_254_740_991, -7, null]],
])("what somebody typed as JSON is taken for it: %s", (text, value) => {
  expect(valueIn(text)).toEqual(value);
});

test("a result is laid out as it is written", () => {
  expect(laidOut('{"id":9007199254740993,"price":1.10,"tags":[],"name":"a\\u00e9, {b}"}')).toBe(
    '{\n  "id": 9007199254740993,\n  "price": 1.10,\n  "tags": [],\n  "name": "aé, {b}"\n}',
  );
  expect(laidOut("no JSON: {")).toBe("no JSON: {");
});

test("what has no such number is laid out as ever", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(laidOut(JSON.stringify(value))).toBe(JSON.stringify(JSON.parse(JSON.stringify(value)), null, 2));
    }),
  );
});

test("what was read is written again as it was, where the engine can", () => {
  const text = '{"id":9007199254740993,"less":-12345678901234567890,"name":"12345678901234567890","n":1.5}';
  expect(JSON.stringify(read(text))).toBe("rawJSON" in JSON ? text : JSON.stringify(JSON.parse(text)));
});
