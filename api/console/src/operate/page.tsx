/** How the cluster does, what runs where, and what waits for somebody: what one looks at when something is wrong. */

import { Page } from "../parts/page";
import { words } from "../words";
import { Actors } from "./actors";
import { Breakers } from "./breakers";
import { Decisions } from "./decisions";
import { LastHour, Pulse } from "./pulse";
import { Quarantine } from "./quarantine";

export function Operate() {
  return (
    <Page title={words.operate.title} subtitle={words.operate.subtitle}>
      <Pulse />
      <Decisions />
      <Quarantine />
      <LastHour />
      <Breakers />
      <Actors />
    </Page>
  );
}
