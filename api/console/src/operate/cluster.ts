/** The cluster as it is watched: its last hour is read once, and what comes of it is heard as it comes. */

import { api, body, Refusal, type Schemas } from "../api/client";
import { whileSeen } from "../log/seen";
import { frames } from "../log/sse";
import { joined, type Point } from "./points";

export type Health = Schemas["ClusterHealth"];

export interface View {
  health: Health | null;
  points: readonly Point[];
  line: "opening" | "live" | "broken";
  refusal: Refusal | null;
}

interface Snapshot {
  health: Health;
  point: Point | null;
}

const BACK_AT_ONCE_MS = 200;
const BACK_AT_MOST_MS = 3_000;
/** Who logs in again goes on here. */
const LOGGED_OUT = 401;
const NOTHING: View = { health: null, points: [], line: "opening", refusal: null };

class Cluster {
  private view = NOTHING;
  private readonly readers = new Set<() => void>();
  private stop = new AbortController();

  /** Watch for as long as somebody looks. */
  readonly subscribe = (reader: () => void): (() => void) => {
    this.readers.add(reader);
    if (this.readers.size === 1) {
      this.stop = new AbortController();
      void this.run(this.stop.signal);
    }
    return () => {
      this.readers.delete(reader);
      if (this.readers.size === 0) this.stop.abort();
    };
  };

  readonly current = (): View => this.view;

  /** Begin anew where the server had refused. */
  readonly again = (): void => {
    this.stop.abort();
    this.stop = new AbortController();
    this.show({ refusal: null });
    void this.run(this.stop.signal);
  };

  private async run(stop: AbortSignal): Promise<void> {
    let pause = BACK_AT_ONCE_MS;
    while (!stop.aborted) {
      try {
        await whileSeen(stop, async (unseen) => {
          await this.read(unseen);
          await this.listen(unseen);
        });
        pause = BACK_AT_ONCE_MS;
      } catch (error) {
        if (stop.aborted) return;
        if (error instanceof Refusal && !error.mayPass && error.status !== LOGGED_OUT) {
          this.show({ refusal: error });
          return;
        }
        this.show({ line: "broken" });
        pause = Math.min(pause * 1.6, BACK_AT_MOST_MS);
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  private async read(signal: AbortSignal): Promise<void> {
    this.show({ points: body(await api.GET("/api/v1/durable/metrics/timeseries", { signal })).points });
  }

  private async listen(stop: AbortSignal): Promise<void> {
    for await (const frame of frames(`${location.origin}/api/v1/durable/sse`, stop)) {
      if (frame.event === "disconnecting") return;
      if (frame.event !== "snapshot") continue;
      const { health, point } = JSON.parse(frame.data) as Snapshot;
      const points = joined(this.view.points, point);
      this.show({ health, line: "live", refusal: null, ...(points && { points }) });
      if (points === null) await this.read(stop);
    }
  }

  private show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    for (const reader of this.readers) reader();
  }
}

export const cluster = new Cluster();
