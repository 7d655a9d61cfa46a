/** Parts of the page that are loaded when they are needed, across whatever dies meanwhile. */

import { words } from "./words";

const PAUSE_MS = 500;
/** So often a part is asked for while the server answers: in an upgrade another front door may have it. */
const TRIES = 4;

/** A part that the server does not have: it has another version of the page by now. */
export class Outdated extends Error {
  constructor(cause: unknown) {
    super(words.errors.outdated, { cause });
  }
}

/** Return what is imported, as soon as the server answers. Raises Outdated. */
export async function load<Module>(importer: () => Promise<Module>): Promise<Module> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await importer();
    } catch (error) {
      await untilThere();
      if (tries === TRIES) throw new Outdated(error);
      await rest((tries - 1) * PAUSE_MS);
    }
  }
}

let waiting: Promise<void> | null = null;

/** Wait until the server answers; all who wait ask together. */
function untilThere(): Promise<void> {
  waiting ??= knock().finally(() => {
    waiting = null;
  });
  return waiting;
}

async function knock(): Promise<void> {
  while (!(await isThere())) await rest(PAUSE_MS);
}

async function isThere(): Promise<boolean> {
  try {
    return (await fetch("/health", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
