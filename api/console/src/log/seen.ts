/** Streams are for pages that are looked at: a browser opens six lines to a server for all its tabs, and each holds one. */

/** For so long a page may be hidden: who looks at another tab for a moment finds everything as it was. */
export const HIDDEN_MS = 10_000;

/** What is known of a page; of the browser's, unless a test says otherwise. */
type Sight = Pick<Document, "hidden" | "addEventListener" | "removeEventListener">;

/**
 * Listen while the page is looked at: begin once it is, and end, as if the line had, once it has been hidden for a while.
 * Raises what `listen` raises, but for that.
 */
export async function whileSeen(
  stop: AbortSignal,
  listen: (stop: AbortSignal) => Promise<void>,
  sight: Sight = document,
): Promise<void> {
  await untilSeen(stop, sight);
  if (stop.aborted) return;
  const unseen = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    if (sight.hidden) timer = setTimeout(() => unseen.abort(), HIDDEN_MS);
  };
  sight.addEventListener("visibilitychange", look);
  try {
    await listen(AbortSignal.any([stop, unseen.signal]));
  } catch (error) {
    if (!unseen.signal.aborted) throw error;
  } finally {
    sight.removeEventListener("visibilitychange", look);
    clearTimeout(timer);
  }
}

function untilSeen(stop: AbortSignal, sight: Sight): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (sight.hidden && !stop.aborted) return;
      sight.removeEventListener("visibilitychange", look);
      stop.removeEventListener("abort", look);
      resolve();
    };
    sight.addEventListener("visibilitychange", look);
    stop.addEventListener("abort", look);
    look();
  });
}
