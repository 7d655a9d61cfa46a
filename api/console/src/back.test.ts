import { expect, test } from "vitest";
import { wayBack } from "./back";

const HERE = "https://perdure.example";

test.each(["/", "/agents", "/sessions/session_1/events?at=3#a", "/login?back=//elsewhere.example"])(
  "whoever logs in goes back to %j",
  (address) => {
    expect(wayBack(address, HERE)).toBe(address);
  },
);

test.each([
  "//elsewhere.example",
  "/\\elsewhere.example",
  "/\t/elsewhere.example",
  "/\n\\elsewhere.example",
  "//",
  "https://elsewhere.example",
  "javascript:alert(1)",
  "agents",
  "",
  7,
  undefined,
])("whoever logs in goes home instead of to %j", (address) => {
  expect(wayBack(address, HERE)).toBe("/");
});
