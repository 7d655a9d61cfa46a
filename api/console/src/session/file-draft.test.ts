import { expect, test } from "vitest";
import { afterSaving, isUnseen, reopened, written } from "./file-draft";

const draft = written(written(null, "a plan, and", "a plan"), "a plan, and more", "a plan of the agent's");

test("a draft remembers what it began with, whatever is stored meanwhile", () => {
  expect(draft).toEqual({ text: "a plan, and more", base: "a plan", began: "a plan" });
});

test("what was typed while a text was saved stays, and stands on what was saved", () => {
  expect(afterSaving(draft, "a plan, and")).toEqual({ ...draft, base: "a plan, and" });
  expect(afterSaving(draft, draft.text)).toBeNull();
  expect(afterSaving(null, "a plan, and")).toBeNull();
});

test("what somebody else wrote is replaced only once it was seen", () => {
  const theirs = "a plan of the agent's";
  expect(isUnseen(theirs, draft, null)).toBe(true);
  expect(isUnseen(theirs, draft, "what they had before")).toBe(true);
  expect(isUnseen(theirs, draft, theirs)).toBe(false);
  expect(isUnseen(draft.base, draft, null)).toBe(false);
  expect(isUnseen(draft.text, draft, null)).toBe(false);
});

test("who comes back to a draft goes on with what they typed", () => {
  expect(reopened(draft)).toEqual({ text: "a plan, and more", base: "a plan", began: "a plan, and more" });
  expect(reopened(null)).toBeNull();
});
