/**
 * A file, read and changed. What is stored may change meanwhile, by a turn say: what somebody types stays, and the
 * difference is shown, to what saving would replace or, where nothing was typed, to what was there when it was opened.
 */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { api, body } from "../api/client";
import { Button } from "../parts/button";
import { Refused } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { words } from "../words";

const Editor = lazy(() => import("../parts/editor"));

interface Stored {
  content: string;
  encoding: string;
  is_readonly: boolean;
}

interface Props {
  sessionId: string;
  path: string;
}

const addressOf = ({ sessionId, path }: Props) => ({
  params: { path: { session_id: sessionId, path: path.replace(/^\//, "") } },
});

export function OneFile(props: Props) {
  const file = useQuery({
    queryKey: ["file", props.sessionId, props.path],
    queryFn: async ({ signal }) =>
      body(
        await api.GET("/api/v1/sessions/{session_id}/fs/{path}", { ...addressOf(props), signal }),
      ) as unknown as Stored,
  });
  if (file.isPending) return <Loading />;
  if (file.isError) return <Trouble error={file.error} retry={() => void file.refetch()} />;
  if (file.data.encoding !== "text") return <Empty>{words.files.binary}</Empty>;
  return <TextFile {...props} stored={file.data} />;
}

/** What somebody types, and what was stored when they began. */
interface Draft {
  text: string;
  base: string;
}

function TextFile({ stored, ...props }: Props & { stored: Stored }) {
  const client = useQueryClient();
  const [opened, setOpened] = useState(stored.content);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [isComparing, setComparing] = useState(false);
  const [round, setRound] = useState(0);
  const save = useMutation({
    mutationFn: (content: string) =>
      api.PUT("/api/v1/sessions/{session_id}/fs/{path}", { ...addressOf(props), body: { content } }),
    onSuccess: async (_, content) => {
      await client.invalidateQueries({ queryKey: ["file", props.sessionId, props.path] });
      void client.invalidateQueries({ queryKey: ["files", props.sessionId] });
      setOpened(content);
      setDraft(null);
      setComparing(false);
    },
  });
  const write = (text: string) => setDraft((before) => ({ text, base: before?.base ?? stored.content }));
  const drop = () => {
    setDraft(null);
    setOpened(stored.content);
    setComparing(false);
    setRound(round + 1);
  };
  const hasChanged = stored.content !== (draft?.base ?? opened);
  const isDifferent = draft !== null || hasChanged;
  const shown = isComparing && isDifferent;
  return (
    <section aria-label={props.path} className="flex min-h-0 min-w-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 py-2 text-sm">
        <span className="truncate font-mono">{props.path}</span>
        {stored.is_readonly && <span className="text-xs text-soft">{words.files.readonly}</span>}
        {save.isSuccess && draft === null && <output className="text-xs text-good">{words.files.saved}</output>}
        <Refused error={save.error} />
        <span className="ml-auto flex gap-2">
          {draft !== null && (
            <Button look="quiet" onClick={drop}>
              {words.files.drop}
            </Button>
          )}
          <Button disabled={!isDifferent} aria-pressed={shown} onClick={() => setComparing(!isComparing)}>
            {words.files.changes}
          </Button>
          <Button
            look="main"
            disabled={draft === null || save.isPending}
            onClick={() => save.mutate(draft?.text ?? stored.content)}
          >
            {words.files.save}
          </Button>
        </span>
      </div>
      {(shown || hasChanged) && (
        <p role="status" className="px-4 py-2 text-xs text-warn">
          {noticeOf(draft, hasChanged)}
        </p>
      )}
      <Suspense fallback={<Loading />}>
        <Editor
          key={round}
          label={props.path}
          text={draft?.base ?? stored.content}
          against={shown ? (draft === null ? opened : stored.content) : null}
          isReadonly={stored.is_readonly}
          onChange={write}
        />
      </Suspense>
    </section>
  );
}

function noticeOf(draft: Draft | null, hasChanged: boolean): string {
  if (draft === null) return words.files.theirs;
  return hasChanged ? words.files.both : words.files.yours;
}
