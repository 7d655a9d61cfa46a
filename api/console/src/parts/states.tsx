/** What stands where nothing is yet, where something is on its way, and where something went wrong. */

import type { ReactNode } from "react";
import { Outdated } from "../load";
import { words } from "../words";
import { Button } from "./button";

export function Empty({ children }: { children: ReactNode }) {
  return <p className="p-8 text-center text-sm text-soft">{children}</p>;
}

export function Loading() {
  return (
    <div role="status" aria-label={words.chat.readingBack} className="grid gap-3 p-6">
      {["w-1/3", "w-2/3", "w-1/2"].map((width) => (
        <div key={width} className={`breathing h-4 rounded bg-sunken ${width}`} />
      ))}
    </div>
  );
}

export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div role="alert" className="m-6 rounded-xl border border-line bg-raised p-5">
      <p className="font-medium text-bad">{words.errors.title}</p>
      <p className="mt-1 text-sm text-soft">{error instanceof Error ? error.message : String(error)}</p>
      {error instanceof Outdated && (
        <Button className="mt-3" onClick={() => location.reload()}>
          {words.errors.reload}
        </Button>
      )}
      {retry && (
        <Button className="mt-3" onClick={retry}>
          {words.errors.retry}
        </Button>
      )}
    </div>
  );
}
