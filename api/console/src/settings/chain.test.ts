import { expect, test } from "vitest";
import type { Model } from "../api/client";
import { modelOf, moved, offered } from "./chain";

test.each([
  [0, 1, ["b", "a", "c"]],
  [2, 0, ["c", "a", "b"]],
  [0, 2, ["b", "c", "a"]],
  [1, 1, ["a", "b", "c"]],
  [0, -1, ["a", "b", "c"]],
  [2, 3, ["a", "b", "c"]],
  [3, 0, ["a", "b", "c"]],
])("what was at %i and goes to %i leaves %o", (from, to, chain) => {
  expect(moved(["a", "b", "c"], from, to)).toEqual(chain);
});

test("a key is an id, or a type and a name", () => {
  const model = { id: "model_1", provider_type: "llmsim", model_id: "sim-echo" } as Model;
  expect(modelOf("model_1", [model])).toBe(model);
  expect(modelOf("llmsim:sim-echo", [model])).toBe(model);
  expect(modelOf("sim-echo", [model])).toBeUndefined();
  expect(modelOf(null, [model])).toBeUndefined();
});

test("a choice offers what can be called, and what is chosen all the same", () => {
  const good = { id: "model_1", enabled: true, healthy: true } as Model;
  const off = { id: "model_2", enabled: false, healthy: true } as Model;
  const ill = { id: "model_3", enabled: true, healthy: false } as Model;
  expect(offered([good, off, ill], off)).toEqual([good, off]);
  expect(offered([good, off, ill], undefined)).toEqual([good]);
});
