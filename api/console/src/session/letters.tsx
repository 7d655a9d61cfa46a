import { Button } from "../parts/button";
import { words } from "../words";
import { addressOf, Picture } from "./picture";
import type { useOutbox } from "./use-outbox";

/** What is on its way into the log, and what was refused. */
export function OutboxView({ waiting, again, discard }: ReturnType<typeof useOutbox>) {
  return waiting.map(({ key, text, images = [], refusal }) => (
    <div key={key} className="mb-5 ml-auto max-w-[85%]">
      <p className="rounded-2xl bg-sunken px-4 py-2.5 whitespace-pre-wrap opacity-70">{text}</p>
      {images.map((image) => (
        <Picture key={image.id} address={addressOf(image)} name={image.filename} />
      ))}
      {refusal === undefined ? (
        <p className="mt-1 text-right text-xs text-soft">{words.chat.sending}</p>
      ) : (
        <div className="mt-1 flex items-center justify-end gap-2 text-xs text-bad">
          <span>
            {words.chat.unsent}: {refusal}
          </span>
          <Button onClick={() => again(key)}>{words.chat.retry}</Button>
          <Button look="quiet" onClick={() => discard(key)}>
            {words.chat.discard}
          </Button>
        </div>
      )}
    </div>
  ));
}
