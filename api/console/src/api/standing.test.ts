import { expect, test } from "vitest";
import { letIn, refused, whenStanding, whenStranger } from "./standing";

test("a stranger is sent to log in, and whoever was let in is not sent away", () => {
  const heard: string[] = [];
  whenStranger(() => heard.push("stranger"));
  const end = whenStanding((before) => heard.push(`was ${before}`));
  refused();
  refused();
  letIn();
  letIn();
  refused();
  refused();
  letIn();
  end();
  refused();
  expect(heard).toEqual(["stranger", "stranger", "was unknown", "was in", "was out"]);
});
