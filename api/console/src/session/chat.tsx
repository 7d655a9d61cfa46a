/** The conversation, as the log has it, and what is on its way there. */

import { useMutation } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { api } from "../api/client";
import type { Entry } from "../log/conversation";
import type { Attached } from "../log/event";
import { Button } from "../parts/button";
import { Icon } from "../parts/icons";
import { Refused } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { words } from "../words";
import { Composer } from "./composer";
import { Earlier } from "./earlier";
import { EntryView } from "./entry";
import { exportMarkdown } from "./export";
import { OutboxView } from "./letters";
import { useLog } from "./use-log";
import { useOutbox } from "./use-outbox";

export function Chat() {
  const { sessionId } = useParams({ from: "/shell/sessions/$sessionId" });
  return <Conversation key={sessionId} sessionId={sessionId} />;
}

function Conversation({ sessionId }: { sessionId: string }) {
  const { conversation, line, refusal, follower } = useLog(sessionId);
  const outbox = useOutbox(sessionId, conversation);
  const stop = useMutation({
    mutationFn: () => api.POST("/api/v1/sessions/{session_id}/cancel", { params: { path: { session_id: sessionId } } }),
  });
  const keep = useMutation({ mutationFn: () => exportMarkdown(sessionId) });
  const entries = conversation.entries.filter((entry) => entry.kind !== "user" || !entry.isNote);
  const isEmpty = entries.length === 0 && outbox.waiting.length === 0;

  if (refusal !== null) return <Trouble error={refusal} retry={follower.again} />;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      {line === "opening" && isEmpty ? <Loading /> : null}
      {line !== "opening" && isEmpty ? <Empty>{words.chat.empty}</Empty> : null}
      <Entries sessionId={sessionId} entries={entries} isBusy={conversation.isBusy} onSend={outbox.send}>
        <OutboxView {...outbox} />
      </Entries>
      <div className="mx-auto w-full max-w-3xl px-5 pb-4">
        <div aria-live="polite" className="min-h-6 text-xs text-soft">
          {line === "broken" && <p data-testid="broken">{words.chat.reconnecting}</p>}
          <Refused error={(conversation.isBusy ? stop.error : null) ?? keep.error} />
        </div>
        <Composer
          isBusy={conversation.isBusy}
          sessionId={sessionId}
          onSend={outbox.send}
          onStop={() => stop.mutate()}
        />
        <div className="mt-1 text-right">
          <button
            type="button"
            className="text-xs text-soft hover:text-ink"
            disabled={isEmpty || keep.isPending}
            onClick={() => keep.mutate()}
          >
            {words.chat.export}
          </button>
        </div>
      </div>
    </div>
  );
}

const ROW_PX = 120;
/** So near to the end one is at the end, and stays there while more comes. */
const NEAR_PX = 60;

interface EntriesProps {
  sessionId: string;
  entries: readonly Entry[];
  isBusy: boolean;
  onSend: (text: string, wish: Record<string, never>, images: Attached[]) => void;
  children: React.ReactNode;
}

function Entries({ sessionId, entries, isBusy, onSend, children }: EntriesProps) {
  const box = useRef<HTMLDivElement>(null);
  const foot = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const list = useVirtualizer({
    count: entries.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 6,
    anchorTo: "end", // what is read back comes above what one reads, which stays where it is
    scrollEndThreshold: -1, // and who is at the end is seen to below
    getItemKey: (at) => entries[at]?.id ?? at,
  });
  const total = list.getTotalSize();

  const toEnd = useCallback(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, []);
  // Whatever grows, a text or the foot below it: who is at the end stays there.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it runs when the height changes
  useLayoutEffect(() => {
    if (isAtEnd) toEnd();
  }, [isAtEnd, total, toEnd]);
  useEffect(() => {
    const growth = new ResizeObserver(() => isAtEnd && toEnd());
    if (foot.current) growth.observe(foot.current);
    return () => growth.disconnect();
  }, [isAtEnd, toEnd]);

  const onScroll = () => {
    const at = box.current;
    if (at) setAtEnd(at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_PX);
  };
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={box}
        onScroll={onScroll}
        role="log"
        aria-label={words.chat.conversation}
        aria-busy={isBusy}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        className="h-full overflow-y-auto"
      >
        <div className="mx-auto w-full max-w-3xl px-5 py-6">
          <Earlier sessionId={sessionId} />
          <div className="relative" style={{ height: total }}>
            {list.getVirtualItems().map((item) => {
              const entry = entries[item.index];
              return (
                <div
                  key={item.key}
                  ref={list.measureElement}
                  data-index={item.index}
                  className="absolute inset-x-0 top-0 pb-5"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  {entry && <EntryView entry={entry} sessionId={sessionId} onSend={onSend} />}
                </div>
              );
            })}
          </div>
          <div ref={foot}>{children}</div>
        </div>
      </div>
      {!isAtEnd && (
        <Button className="absolute bottom-3 left-1/2 -translate-x-1/2 shadow" onClick={toEnd}>
          <Icon name="down" />
          {words.chat.newest}
        </Button>
      )}
    </div>
  );
}
