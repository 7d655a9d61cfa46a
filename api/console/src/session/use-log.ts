import { useSyncExternalStore } from "react";
import { type Follower, followerOf, type View } from "../log/follow";

/** Return what a session's log comes to, now and whenever something happens. */
export function useLog(sessionId: string): View & { follower: Follower } {
  const follower = followerOf(sessionId);
  const view = useSyncExternalStore(follower.subscribe, follower.current);
  return { ...view, follower };
}
