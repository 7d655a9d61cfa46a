/** What runs where, and what waits for somebody: what an operator looks at when something is wrong. */

import { Page } from "../parts/page";
import { words } from "../words";
import { Actors } from "./actors";
import { Breakers } from "./breakers";
import { Decisions } from "./decisions";

export function Operate() {
  return (
    <Page title={words.operate.title} subtitle={words.operate.subtitle}>
      <Decisions />
      <Breakers />
      <Actors />
    </Page>
  );
}
