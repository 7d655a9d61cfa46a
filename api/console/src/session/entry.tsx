/** One entry of the conversation: what somebody said, what the model did, how a turn ended. */

import { memo } from "react";
import type { EndEntry, Entry, StepEntry, UserEntry } from "../log/conversation";
import { type Attached, imagesOf, type Part, textOf } from "../log/event";
import { useCopy } from "../parts/copy";
import { Icon } from "../parts/icons";
import { Markdown } from "../parts/markdown";
import { say } from "../say";
import { words } from "../words";
import { ClientAnswers } from "./client-answers";
import { addressOf, Picture } from "./picture";
import { ToolCard } from "./tool-card";

interface Props<E> {
  entry: E;
  sessionId: string;
  onSend: (text: string, wish: Record<string, never>, images: Attached[]) => void;
}

export const EntryView = memo(function EntryView({ entry, ...rest }: Props<Entry>) {
  if (entry.kind === "user") return <UserView entry={entry} {...rest} />;
  if (entry.kind === "step") return <StepView entry={entry} {...rest} />;
  return <EndView entry={entry} {...rest} />;
});

function UserView({ entry, onSend }: Props<UserEntry>) {
  const text = textOf(entry.content);
  const images = imagesOf(entry.content);
  return (
    <article className="group ml-auto w-fit max-w-[85%]" data-role="user">
      <div className="rounded-2xl bg-tint px-4 py-2.5 wrap-anywhere whitespace-pre-wrap">
        <Said text={text} />
        {picturesOf(entry.content).map((address) => (
          <Picture key={address} address={address} name={words.chat.picture} />
        ))}
        {images.map((image) => (
          <Picture key={image.id} address={addressOf(image)} name={image.filename} />
        ))}
      </div>
      <div className="mt-1 flex justify-end gap-3 opacity-0 transition-opacity group-focus-within:opacity-100 group-hover:opacity-100">
        <CopyButton text={text} />
        <SmallButton label={words.chat.again} icon="again" onClick={() => onSend(text, {}, images)} />
      </div>
    </article>
  );
}

const SCRIPT = /(```sim\n[\s\S]*?```)/;

/** What somebody said; a script for the simulated model is folded, for it is stage directions. */
function Said({ text }: { text: string }) {
  const [before = "", script, ...after] = text.split(SCRIPT);
  return (
    <>
      {before.trim()}
      {script !== undefined && (
        <details className="text-sm">
          <summary className="text-soft">{words.chat.script}</summary>
          <pre className="mt-1 font-mono text-xs wrap-anywhere whitespace-pre-wrap">
            {script.split("\n").slice(1, -1).join("\n")}
          </pre>
        </details>
      )}
      {after.join("").trim()}
    </>
  );
}

/** Return where pictures are that came along with the message: none is fetched from elsewhere. */
function picturesOf(content: readonly Part[]): string[] {
  return content.flatMap((part) => {
    if (part.type !== "image") return [];
    const address = part.base64 === undefined ? part.url : `data:${part.media_type};base64,${part.base64}`;
    return address?.startsWith("data:image/") ? [address] : [];
  });
}

function StepView({ entry, sessionId }: Props<StepEntry>) {
  const owed = entry.calls.filter((call) => call.state === "client");
  const isSilent = entry.isOpen && entry.text === "" && entry.thinking === "";
  return (
    <article className="group" data-role="agent" data-open={entry.isOpen || undefined}>
      {entry.thinking !== "" && <Thinking text={entry.thinking} isOpen={entry.isThinking} />}
      {isSilent && (
        <p className="breathing text-sm text-soft" role="status">
          {words.chat.working}…
        </p>
      )}
      {entry.text !== "" && <Markdown text={entry.text} isOpen={entry.isOpen} />}
      {entry.calls.length > 0 && (
        <div className={`mt-3 grid gap-2 ${entry.calls.length > 1 ? "sm:grid-cols-2" : ""}`}>
          {entry.calls.map((call) => (
            <ToolCard key={call.id} call={call} sessionId={sessionId} />
          ))}
        </div>
      )}
      {owed.length > 0 && <ClientAnswers sessionId={sessionId} calls={owed} />}
      {entry.moves > 0 && <Moved />}
      {!entry.isOpen && entry.text !== "" && (
        <div className="mt-1 flex items-center gap-3 text-xs text-soft opacity-0 transition-opacity group-focus-within:opacity-100 group-hover:opacity-100">
          <CopyButton text={entry.text} />
          <span>{entry.model}</span>
        </div>
      )}
    </article>
  );
}

/** The quiet line of a takeover. */
function Moved() {
  return (
    <p className="mt-3 flex items-center gap-2 text-xs text-soft" data-testid="moved">
      <Icon name="move" className="size-3.5 text-good" />
      {words.chat.moved}
    </p>
  );
}

function Thinking({ text, isOpen }: { text: string; isOpen: boolean }) {
  return (
    <details className="mb-3 rounded-xl bg-sunken px-4 py-2 text-sm text-soft">
      <summary className={isOpen ? "breathing" : ""}>{isOpen ? words.chat.thinking : words.chat.thought}</summary>
      <p className="mt-2 whitespace-pre-wrap">{text}</p>
    </details>
  );
}

function EndView({ entry }: Props<EndEntry>) {
  if (entry.outcome === "completed") {
    return (
      <p className="flex gap-3 font-mono text-xs text-soft">
        {entry.durationMs !== null && <span>{say.duration(entry.durationMs)}</span>}
        {entry.usage && <span>{words.turns.tokens(entry.usage.input_tokens, entry.usage.output_tokens)}</span>}
        {entry.usage?.estimated_cost_usd ? <span>{say.cost(entry.usage.estimated_cost_usd)}</span> : null}
      </p>
    );
  }
  if (entry.outcome === "cancelled") {
    const isSuperseded = entry.code === "superseded_by_new_message";
    return <p className="text-sm text-warn">{isSuperseded ? words.chat.superseded : words.chat.cancelled}</p>;
  }
  return (
    <div role="alert" className="rounded-xl border border-line bg-raised px-4 py-3 text-sm">
      <p className="font-medium text-bad">{entry.outcome === "failed" ? words.chat.failed : words.chat.sealed}</p>
      <p className="mt-1">{entry.words}</p>
      {entry.code && <code className="mt-1 block font-mono text-xs text-soft">{entry.code}</code>}
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const [label, copy] = useCopy(text);
  return <SmallButton label={label} icon="copy" onClick={(at) => void copy(at.closest("article"))} />;
}

interface SmallProps {
  label: string;
  icon: "copy" | "again";
  onClick: (button: Element) => void;
}

function SmallButton({ label, icon, onClick }: SmallProps) {
  return (
    <button
      type="button"
      onClick={(event) => onClick(event.currentTarget)}
      className="inline-flex items-center gap-1 text-xs text-soft select-none hover:text-ink"
    >
      <Icon name={icon} className="size-3.5" />
      {label}
    </button>
  );
}
