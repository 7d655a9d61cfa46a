/** A call of a tool: what it was asked, what it does, what came of it; and the question, where a person must decide. */

import { useEffect, useState } from "react";
import { laidOut } from "../exact";
import type { ToolCall } from "../log/conversation";
import type { Part } from "../log/event";
import { Icon } from "../parts/icons";
import { say } from "../say";
import { words } from "../words";
import { Decision } from "./decision";

const TICK_MS = 250;

export function ToolCard({ call, sessionId }: { call: ToolCall; sessionId: string }) {
  const isBad = call.state === "done" && call.outcome !== "success";
  return (
    <section
      aria-label={call.label}
      data-testid="tool"
      data-state={call.state}
      className="h-fit min-w-0 rounded-xl border border-line bg-raised text-sm"
    >
      <details>
        <summary className="flex items-center gap-2 px-3 py-2">
          <State call={call} />
          <span className="truncate font-mono font-medium">{call.label}</span>
          {call.attempts > 1 && <span className="text-xs text-soft">{words.tool.attempts(call.attempts)}</span>}
          <span className={`ml-auto shrink-0 text-xs ${isBad ? "text-bad" : "text-soft"}`}>
            {stateWords(call)} <Duration call={call} />
          </span>
        </summary>
        <div className="grid gap-2 border-t border-line px-3 py-2">
          <Block label={words.tool.arguments} text={JSON.stringify(call.arguments, null, 2)} />
          {call.error !== null && <Block label={words.tool.error} text={call.error} />}
          {call.result !== null && <Block label={words.tool.result} text={resultText(call.result)} />}
        </div>
      </details>
      {call.state === "running" && call.progress !== "" && (
        <p className="px-3 pb-2 text-xs text-soft">{call.progress}</p>
      )}
      {call.state === "running" && call.output !== "" && (
        <div className="px-3 pb-2">
          <Block label={words.tool.output} text={call.output} />
        </div>
      )}
      {call.state === "asked" && call.question && (
        <Decision sessionId={sessionId} callId={call.id} question={call.question} />
      )}
    </section>
  );
}

function stateWords(call: ToolCall): string {
  if (call.isOutcomeUnknown) return words.tool.unknown;
  if (call.state === "done" && call.outcome !== "success") {
    return (
      { error: words.tool.error, timeout: words.tool.timeout, cancelled: words.tool.cancelled }[call.outcome ?? ""] ??
      ""
    );
  }
  if (call.state === "done" && call.decision) return words.tool.chosen[call.decision] ?? call.decision;
  return words.tool[call.state];
}

function State({ call }: { call: ToolCall }) {
  if (call.state === "done") {
    const isGood = call.outcome === "success";
    return <Icon name={isGood ? "check" : "cross"} className={`size-4 ${isGood ? "text-good" : "text-bad"}`} />;
  }
  const waits = call.state === "asked" || call.state === "client";
  return <span className={`size-2 shrink-0 rounded-full ${waits ? "bg-warn" : "breathing bg-accent"}`} />;
}

function Duration({ call }: { call: ToolCall }) {
  const [now, setNow] = useState(Date.now);
  const isRunning = call.state === "running" && call.startedAt !== null;
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  if (call.durationMs !== null) return <span className="font-mono">{say.duration(call.durationMs)}</span>;
  if (!isRunning || call.startedAt === null) return null;
  return <span className="font-mono">{say.duration(Math.max(0, now - Date.parse(call.startedAt)))}</span>;
}

export function Block({ label, text }: { label: string; text: string }) {
  return (
    <div>
      <p className="text-xs text-soft">{label}</p>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        className="max-h-64 overflow-auto rounded-md bg-sunken p-2 font-mono text-xs wrap-anywhere whitespace-pre-wrap"
      >
        {text}
      </pre>
    </div>
  );
}

function resultText(result: Part[]): string {
  const [only] = result;
  if (result.length !== 1 || only?.type !== "text") return JSON.stringify(result, null, 2);
  return laidOut(only.text);
}
