/**
 * A file, read and changed. What is stored may change meanwhile, by a turn say: what somebody types stays, and the
 * difference is shown, to what saving would replace or, where nothing was typed, to what was there when it was opened.
 */

import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, useEffect, useState } from "react";
import { api, body, Refusal } from "../api/client";
import { load } from "../load";
import { Button } from "../parts/button";
import { Later } from "../parts/later";
import { Refused } from "../parts/page";
import { Empty, Loading, Trouble } from "../parts/states";
import { words } from "../words";
import { useDraft } from "./drafts";
import { afterSaving, type Draft, isUnseen, reopened, written } from "./file-draft";

const Editor = lazy(() => load(() => import("../parts/editor")));

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

/** Under what a draft of a file is kept. */
export const draftKey = ({ sessionId, path }: Props) => `file ${sessionId} ${path}`;

const NOT_FOUND = 404;

/** Return the file; null where there is none. */
async function read(props: Props, signal: AbortSignal | null = null): Promise<Stored | null> {
  try {
    const reply = await api.GET("/api/v1/sessions/{session_id}/fs/{path}", { ...addressOf(props), signal });
    return body(reply) as unknown as Stored;
  } catch (error) {
    if (error instanceof Refusal && error.status === NOT_FOUND) return null;
    throw error;
  }
}

const fileQuery = (props: Props) =>
  queryOptions({
    queryKey: ["file", props.sessionId, props.path],
    queryFn: ({ signal }) => read(props, signal),
  });

/** Return what a draft would replace: nothing where there is no text. */
function textIn(stored: Stored | null): string {
  return stored?.encoding === "text" ? stored.content : "";
}

export function OneFile(props: Props) {
  const file = useQuery(fileQuery(props));
  const [draft] = useDraft<Draft | null>(draftKey(props), null);
  if (file.isPending) return <Loading />;
  if (file.isLoadingError) return <Trouble error={file.error} retry={() => void file.refetch()} />;
  if (draft === null && file.data?.encoding !== "text")
    return <Empty>{file.data === null ? words.files.gone : words.files.binary}</Empty>;
  return <TextFile {...props} stored={textIn(file.data)} isReadonly={file.data?.is_readonly ?? false} />;
}

interface Saving {
  mine: Draft;
  /** What it is shown beside. */
  compared: string | null;
}

interface TextFileProps extends Props {
  stored: string;
  isReadonly: boolean;
}

function TextFile({ stored, isReadonly, ...props }: TextFileProps) {
  const client = useQueryClient();
  const [opened, setOpened] = useState(stored);
  const [draft, setDraft] = useDraft<Draft | null>(draftKey(props), null);
  const [isComparing, setComparing] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => () => setDraft(reopened), [setDraft]);
  const save = useMutation({
    /** Return whether it is saved: what nobody here has seen is shown before it is replaced. */
    mutationFn: async ({ mine, compared }: Saving) => {
      const there = await read(props); // not by the cache, which breaks off for a turn and answers with what it had
      client.setQueryData(fileQuery(props).queryKey, there);
      if (isUnseen(textIn(there), mine, compared)) return false;
      const said = { ...addressOf(props), body: { content: mine.text } };
      if (there === null) await api.POST("/api/v1/sessions/{session_id}/fs/{path}", said);
      else await api.PUT("/api/v1/sessions/{session_id}/fs/{path}", said);
      return true;
    },
    onSuccess: async (isSaved, { mine: { text } }) => {
      setComparing(!isSaved);
      if (!isSaved) return;
      const { queryKey } = fileQuery(props);
      const now: Stored = { content: text, encoding: "text", is_readonly: isReadonly };
      client.setQueryData(queryKey, now);
      await client.invalidateQueries({ queryKey });
      void client.invalidateQueries({ queryKey: ["files", props.sessionId] });
      setOpened(text);
      setDraft((now) => afterSaving(now, text));
    },
  });
  const write = (text: string) => setDraft((before) => written(before, text, stored));
  const drop = () => {
    setDraft(() => null);
    setOpened(stored);
    setComparing(false);
    setRound(round + 1);
  };
  const hasChanged = !save.isPending && stored !== (draft?.base ?? opened);
  const isDifferent = draft !== null || hasChanged;
  const shown = isComparing && isDifferent;
  return (
    <section aria-label={props.path} className="flex min-h-0 min-w-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 py-2 text-sm">
        <span className="truncate font-mono">{props.path}</span>
        {isReadonly && <span className="text-xs text-soft">{words.files.readonly}</span>}
        {save.data === true && draft === null && <output className="text-xs text-good">{words.files.saved}</output>}
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
            onClick={() => draft !== null && save.mutate({ mine: draft, compared: shown ? stored : null })}
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
      <Later until={<Loading />}>
        <Editor
          key={round}
          label={props.path}
          text={draft?.began ?? stored}
          against={shown ? (draft === null ? opened : stored) : null}
          isReadonly={isReadonly}
          onChange={write}
        />
      </Later>
    </section>
  );
}

function noticeOf(draft: Draft | null, hasChanged: boolean): string {
  if (draft === null) return words.files.theirs;
  return hasChanged ? words.files.both : words.files.yours;
}
