import { useParams } from "@tanstack/react-router";
import { Resolved } from "../layers/resolved";

/** What the session's next turn runs with. */
export function Setup() {
  const { sessionId } = useParams({ from: "/shell/sessions/$sessionId" });
  return (
    <div className="min-h-0 flex-1 overflow-y-auto p-5">
      <Resolved kind="session" id={sessionId} />
    </div>
  );
}
