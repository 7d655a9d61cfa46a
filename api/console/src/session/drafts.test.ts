import { expect, test } from "vitest";
import type { Conversation } from "../log/conversation";
import { answerKey, dropSettled, resultKey } from "./call-drafts";
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

test("what was typed about a call goes that is done, and stays about one that is not here", () => {
  const keys = [answerKey("session_1", "call_1"), resultKey("session_1", "call_2"), answerKey("session_2", "call_1")];
  const left = () => keys.filter((key) => draftOf(key, "") !== "");
  const settle = (...states: string[]) => {
    const steps = states.map((state, at) => ({ kind: "step", calls: [{ id: `call_${at + 1}`, state }] }));
    dropSettled("session_1", { entries: steps as unknown as Conversation["entries"] });
  };
  for (const key of keys) changeDraft(key, "", () => "Typed");
  settle();
  settle("client", "asked");
  expect(left()).toEqual(keys);
  settle("client", "done");
  expect(left()).toEqual([keys[0], keys[2]]);
  settle("done");
  expect(left()).toEqual([keys[2]]);
});
