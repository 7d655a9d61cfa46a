/** What a session's agent keeps under keys. It is the agent's own: it is read here, and changed by its tools. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { api, body } from "../api/client";
import { Button } from "../parts/button";
import { Part } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { words } from "../words";
import { nextOffset } from "./next";

/** Values may be a megabyte each. */
const PAGE = 20;
const SHOWN_CHARS = 300;

export function Keys() {
  const { sessionId } = useParams({ from: "/shell/sessions/$sessionId" });
  const keys = useInfiniteQuery({
    queryKey: ["keys", sessionId],
    initialPageParam: 0,
    queryFn: async ({ pageParam, signal }) =>
      body(
        await api.GET("/api/v1/sessions/{session_id}/storage/keys", {
          params: { path: { session_id: sessionId }, query: { offset: pageParam, limit: PAGE } },
          signal,
        }),
      ),
    getNextPageParam: nextOffset,
  });
  const found = keys.data?.pages.flatMap((page) => page.data);
  return (
    <div className="min-h-0 flex-1 overflow-y-auto p-5">
      <Part title={words.keys.title} hint={words.keys.hint}>
        {keys.isPending && <Loading />}
        {keys.isError && <Trouble error={keys.error} retry={() => void keys.refetch()} />}
        {found?.length === 0 && <Empty>{words.keys.empty}</Empty>}
        <dl className="grid gap-2">
          {found?.map(({ key, value, updated_at: at }) => (
            <div key={key} className="grid gap-2 rounded-xl border border-line bg-raised px-4 py-3">
              <dt className="flex flex-wrap items-baseline gap-x-4">
                <span className="font-mono text-sm font-medium wrap-anywhere">{key}</span>
                <span className="text-xs text-soft">{words.keys.changed(at)}</span>
              </dt>
              <Value text={value} />
            </div>
          ))}
        </dl>
        {keys.hasNextPage && (
          <Button disabled={keys.isFetchingNextPage} onClick={() => void keys.fetchNextPage()}>
            {words.keys.more}
          </Button>
        )}
      </Part>
    </div>
  );
}

function Value({ text }: { text: string }) {
  const look = "font-mono text-xs wrap-anywhere whitespace-pre-wrap";
  if (text.length <= SHOWN_CHARS) return <dd className={look}>{text}</dd>;
  return (
    <dd className={look}>
      {text.slice(0, SHOWN_CHARS)}
      <details>
        <summary className="font-sans text-soft">{words.keys.whole}</summary>
        {text.slice(SHOWN_CHARS)}
      </details>
    </dd>
  );
}
