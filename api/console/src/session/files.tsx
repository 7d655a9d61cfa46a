/** The session's workspace: what is in it, to be read and changed. */

import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, body } from "../api/client";
import { Empty, Loading, Trouble } from "../parts/states";
import { say } from "../say";
import { words } from "../words";
import { useDrafted } from "./drafts";
import { draftKey, OneFile } from "./one-file";

export function Files() {
  const { sessionId } = useParams({ from: "/shell/sessions/$sessionId" });
  const [path, setPath] = useState<string | null>(null);
  const files = useQuery({
    queryKey: ["files", sessionId],
    queryFn: async ({ signal }) =>
      body(
        await api.GET("/api/v1/sessions/{session_id}/fs", {
          params: { path: { session_id: sessionId }, query: { recursive: true } },
          signal,
        }),
      ).data,
  });
  const typedInto = useDrafted(draftKey({ sessionId, path: "" }));
  if (files.isPending) return <Loading />;
  if (files.isLoadingError) return <Trouble error={files.error} retry={() => void files.refetch()} />;
  const there = files.data.filter((file) => !file.is_directory);
  const gone = typedInto.filter((path) => !there.some((file) => file.path === path));
  const all = [...there, ...gone.map((path) => ({ path, size_bytes: null }))];
  if (all.length === 0) return <Empty>{words.files.empty}</Empty>;
  return (
    <div className="flex min-h-0 flex-1 flex-col md:flex-row">
      <ul
        aria-label={words.files.tree}
        className="max-h-48 overflow-y-auto border-line p-3 md:max-h-none md:w-72 md:border-r"
      >
        {all.map((file) => (
          <li key={file.path}>
            <button
              type="button"
              aria-current={file.path === path}
              onClick={() => setPath(file.path)}
              className="flex w-full gap-2 rounded-md px-2 py-1 text-left font-mono text-xs hover:bg-sunken aria-[current=true]:bg-tint"
            >
              <span className="truncate">{file.path}</span>
              {typedInto.includes(file.path) && <span className="shrink-0 text-warn">{words.files.unsaved}</span>}
              {file.size_bytes !== null && (
                <span className="ml-auto shrink-0 text-soft">{say.bytes(file.size_bytes)}</span>
              )}
            </button>
          </li>
        ))}
      </ul>
      {path === null ? <Empty>{words.files.pick}</Empty> : <OneFile key={path} sessionId={sessionId} path={path} />}
    </div>
  );
}
