/** Rows of events, of which as many are drawn as can be seen. Whoever shows it knows which event stands where. */

import type { Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useId } from "react";
import type { LogEvent } from "../log/event";
import { words } from "../words";

export const ROW_PX = 30;

/** What stands in a row: an event, or one of which only the sequence is known yet. */
export interface EventRow {
  sequence: number | undefined;
  event: LogEvent | undefined;
}

interface Props {
  box: RefObject<HTMLDivElement | null>;
  list: Virtualizer<HTMLDivElement, Element>;
  rowOf: (index: number) => EventRow;
  chosen: number | undefined;
  onChoose: (sequence: number) => void;
  /** Go so many rows on from the chosen one. */
  onStep: (rows: number) => void;
}

export function EventTable({ box, list, rowOf, chosen, onChoose, onStep }: Props) {
  const id = useId();
  const items = list.getVirtualItems();
  const isDrawn = chosen !== undefined && items.some(({ index }) => rowOf(index).sequence === chosen);
  return (
    <div
      ref={box}
      className="min-h-0 flex-1 overflow-y-auto font-mono text-xs"
      data-testid="log"
      role="listbox"
      aria-label={words.events.table}
      aria-activedescendant={isDrawn ? `${id}${chosen}` : undefined}
      tabIndex={0}
      onKeyDown={(event) => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        onStep(step);
      }}
    >
      <div className="relative" style={{ height: list.getTotalSize() }}>
        {items.map((item) => {
          const { sequence, event } = rowOf(item.index);
          const isChosen = sequence !== undefined && sequence === chosen;
          return (
            // biome-ignore lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: the list has the focus and the keys
            <div
              key={item.key}
              id={sequence === undefined ? undefined : `${id}${sequence}`}
              role="option"
              aria-selected={isChosen}
              aria-setsize={list.options.count}
              aria-posinset={item.index + 1}
              onClick={() => sequence !== undefined && onChoose(sequence)}
              className={`absolute inset-x-0 flex cursor-pointer items-center gap-4 px-5 hover:bg-sunken ${isChosen ? "bg-tint" : ""}`}
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
            >
              <Line sequence={sequence} event={event} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Line({ sequence, event }: EventRow) {
  return (
    <>
      <span className="w-16 shrink-0 text-right text-soft">{sequence}</span>
      {event === undefined ? (
        <span className="text-soft">{words.events.loading}</span>
      ) : (
        <>
          <span className={`truncate ${toneOf(event.type)}`}>{event.type}</span>
          <span className="ml-auto shrink-0 text-soft">{event.ts.slice(11, 23)}</span>
        </>
      )}
    </>
  );
}

function toneOf(type: string): string {
  if (/failed|cancelled|sealed/.test(type)) return "text-bad";
  if (/recovered|repaired|decision/.test(type)) return "text-warn";
  return /^(input|output)\.message/.test(type) ? "text-accent" : "";
}
