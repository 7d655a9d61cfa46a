import { expect, test } from "vitest";
import { changeDraft, draftOf, isAnythingKept } from "./drafts";

test("a draft is there for whoever comes back, until nothing is left of it", () => {
  expect(isAnythingKept()).toBe(false);
  changeDraft("answer call_1", "", () => "It rained");
  changeDraft("answer call_1", "", (before) => `${before}.`);
  expect([draftOf("answer call_1", ""), draftOf("answer call_2", "")]).toEqual(["It rained.", ""]);
  expect(isAnythingKept()).toBe(true);
  changeDraft("answer call_1", "", () => "");
  expect(isAnythingKept()).toBe(false);
});
