/** Stands in for a client's program that is not there: the session waits for all that it called, and takes all at once. */

import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api } from "../api/client";
import type { ToolCall } from "../log/conversation";
import { Button } from "../parts/button";
import { words } from "../words";
import { answerKey } from "./call-drafts";
import { changeDraft, useDraft } from "./drafts";

export function ClientAnswers({ sessionId, calls }: { sessionId: string; calls: readonly ToolCall[] }) {
  const submit = useMutation({
    mutationFn: (form: FormData) =>
      api.POST("/api/v1/sessions/{session_id}/tool-results", {
        params: { path: { session_id: sessionId } },
        body: { tool_results: calls.map(({ id }) => ({ tool_call_id: id, result: String(form.get(id) ?? "") })) },
      }),
    onSuccess: () => {
      for (const { id } of calls) changeDraft(answerKey(sessionId, id), "", () => "");
    },
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    submit.mutate(new FormData(event.currentTarget));
  };
  return (
    <form onSubmit={onSubmit} className="mt-3 grid gap-3 rounded-xl border border-line bg-raised p-4 text-sm">
      <p className="text-soft">{words.tool.clientHint}</p>
      {calls.map((call) => (
        <Answer key={call.id} sessionId={sessionId} call={call} />
      ))}
      {submit.isError && (
        <p role="alert" className="text-bad">
          {submit.error.message}
        </p>
      )}
      <Button type="submit" className="justify-self-end" disabled={submit.isPending}>
        {words.tool.submit}
      </Button>
    </form>
  );
}

function Answer({ sessionId, call }: { sessionId: string; call: ToolCall }) {
  const [text, change] = useDraft(answerKey(sessionId, call.id), "");
  return (
    <label className="grid gap-1">
      <span className="font-mono">{words.tool.answerOf(call.label)}</span>
      <textarea
        name={call.id}
        rows={2}
        value={text}
        onChange={(event) => change(() => event.target.value)}
        className="field font-mono text-xs"
      />
    </label>
  );
}
