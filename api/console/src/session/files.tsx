/** The session's workspace: what is in it, to be read and changed. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { api, body } from "../api/client";
import { Button } from "../parts/button";
import { Empty, Loading, Trouble } from "../parts/states";
import { say } from "../say";
import { words } from "../words";

const Editor = lazy(() => import("../parts/editor"));

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
  if (files.isPending) return <Loading />;
  if (files.isError) return <Trouble error={files.error} retry={() => void files.refetch()} />;
  const there = files.data.filter((file) => !file.is_directory);
  if (there.length === 0) return <Empty>{words.files.empty}</Empty>;
  return (
    <div className="flex min-h-0 flex-1 flex-col md:flex-row">
      <ul
        aria-label={words.files.tree}
        className="max-h-48 overflow-y-auto border-line p-3 md:max-h-none md:w-72 md:border-r"
      >
        {there.map((file) => (
          <li key={file.path}>
            <button
              type="button"
              aria-current={file.path === path}
              onClick={() => setPath(file.path)}
              className="flex w-full gap-2 rounded-md px-2 py-1 text-left font-mono text-xs hover:bg-sunken aria-[current=true]:bg-tint"
            >
              <span className="truncate">{file.path}</span>
              <span className="ml-auto shrink-0 text-soft">{say.bytes(file.size_bytes)}</span>
            </button>
          </li>
        ))}
      </ul>
      {path === null ? <Empty>{words.files.pick}</Empty> : <OneFile key={path} sessionId={sessionId} path={path} />}
    </div>
  );
}

function OneFile({ sessionId, path }: { sessionId: string; path: string }) {
  const client = useQueryClient();
  const [text, setText] = useState<string | null>(null);
  const address = { params: { path: { session_id: sessionId, path: path.replace(/^\//, "") } } };
  const file = useQuery({
    queryKey: ["file", sessionId, path],
    queryFn: async ({ signal }) =>
      body(await api.GET("/api/v1/sessions/{session_id}/fs/{path}", { ...address, signal })) as unknown as {
        content: string;
        encoding: string;
        is_readonly: boolean;
      },
  });
  const save = useMutation({
    mutationFn: (content: string) =>
      api.PUT("/api/v1/sessions/{session_id}/fs/{path}", { ...address, body: { content } }),
    onSuccess: () => {
      setText(null);
      void client.invalidateQueries({ queryKey: ["file", sessionId, path] });
      void client.invalidateQueries({ queryKey: ["files", sessionId] });
    },
  });
  if (file.isPending) return <Loading />;
  if (file.isError) return <Trouble error={file.error} retry={() => void file.refetch()} />;
  if (file.data.encoding !== "text") return <Empty>{words.files.binary}</Empty>;
  return (
    <section aria-label={path} className="flex min-h-0 min-w-0 flex-1 flex-col">
      <div className="flex items-center gap-3 border-b border-line px-4 py-2 text-sm">
        <span className="truncate font-mono">{path}</span>
        {file.data.is_readonly && <span className="text-xs text-soft">{words.files.readonly}</span>}
        {save.isSuccess && text === null && <output className="text-xs text-good">{words.files.saved}</output>}
        {save.isError && (
          <span role="alert" className="text-xs text-bad">
            {save.error.message}
          </span>
        )}
        <Button
          className="ml-auto"
          look="main"
          disabled={text === null || save.isPending}
          onClick={() => save.mutate(text ?? "")}
        >
          {words.files.save}
        </Button>
      </div>
      <Suspense fallback={<Loading />}>
        <Editor label={path} text={file.data.content} isReadonly={file.data.is_readonly} onChange={setText} />
      </Suspense>
    </section>
  );
}
