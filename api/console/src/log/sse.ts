/** A stream of server-sent events, read until it ends. */

import { EventSourceParserStream } from "eventsource-parser/stream";
import { ask, refusalOf } from "../api/client";

/** Without a word for so long, the line is dead: the server says something every 30 s. */
const SILENCE_MS = 75_000;

export interface Frame {
  event: string;
  data: string;
}

/** Yield the frames of a stream. Raises Refusal where the server refuses, and whatever `fetch` raises. */
export async function* frames(path: string, stop: AbortSignal): AsyncGenerator<Frame> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  try {
    const signal = AbortSignal.any([stop, silence.signal]);
    const reply = await ask(new Request(path, { headers: { Accept: "text/event-stream" }, signal }));
    if (!reply.ok || reply.body === null) throw await refusalOf(reply);
    const parsed = reply.body
      .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
      .pipeThrough(new EventSourceParserStream({ onComment: heard }))
      .getReader();
    for (;;) {
      const { done, value } = await parsed.read();
      if (done) return;
      heard();
      yield { event: value.event ?? "message", data: value.data };
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}
