/** What became of a call that a crash cut off only a person may say. The words are the server's. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { valueIn } from "../exact";
import type { Question } from "../log/conversation";
import { Button } from "../parts/button";
import { Refused } from "../parts/page";
import { words } from "../words";
import { resultKey } from "./call-drafts";
import { useDraft } from "./drafts";

interface Props {
  sessionId: string;
  callId: string;
  question: Question;
}

type Chosen = "happened" | "retry" | "skip";

export function Decision({ sessionId, callId, question }: Props) {
  const [result, change] = useDraft(resultKey(sessionId, callId), "");
  const client = useQueryClient();
  const decide = useMutation({
    mutationFn: (decision: Chosen) =>
      api.POST("/api/v1/durable/sessions/{session_id}/effects/{tool_call_id}/decision", {
        params: { path: { session_id: sessionId, tool_call_id: callId } },
        body: {
          decision,
          attempt: question.attempt,
          ...(decision === "happened" && result.trim() !== "" && { result: valueIn(result) }),
        },
      }),
    onSuccess: () => change(() => ""),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ["place", sessionId] });
      void client.invalidateQueries({ queryKey: ["effects", sessionId] });
    },
  });
  return (
    <div className="grid gap-3 border-t border-line px-3 py-3" data-testid="decision">
      <div>
        <p className="font-medium">{question.headline}</p>
        <p className="mt-1 text-soft">{question.message}</p>
      </div>
      <label className="text-xs text-soft">
        {words.tool.resultLabel}
        <input
          className="field mt-1 font-mono text-xs"
          value={result}
          onChange={(event) => change(() => event.target.value)}
        />
      </label>
      <div className="flex flex-wrap gap-2">
        {question.choices.map(({ decision, label, description }) => (
          <Button
            key={decision}
            title={description}
            disabled={decide.isPending}
            onClick={() => decide.mutate(decision as Chosen)}
          >
            {label}
          </Button>
        ))}
      </div>
      <Refused error={decide.error} />
      <p className="text-xs text-soft">{words.tool.expires(question.expiresAt)}</p>
    </div>
  );
}
