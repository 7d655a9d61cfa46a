/** What is before the part of the log that is here. */

import { useMutation } from "@tanstack/react-query";
import { Button } from "../parts/button";
import { Refused } from "../parts/page";
import { words } from "../words";
import { useLog } from "./use-log";

/** A button that reads further back, where there is more. */
export function Earlier({ sessionId }: { sessionId: string }) {
  const { conversation, follower, isReadingBack } = useLog(sessionId);
  const read = useMutation({ mutationFn: () => follower.readBack() });
  if (conversation.first <= 1) return null;
  return (
    <div className="grid justify-items-center gap-2 pb-4">
      <Button look="quiet" disabled={isReadingBack} onClick={() => read.mutate()}>
        {isReadingBack ? words.chat.readingBack : words.chat.earlier}
      </Button>
      <Refused error={read.error} />
    </div>
  );
}
