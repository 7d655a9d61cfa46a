/** A conversation as Markdown. */

import { type Message, textOf } from "./event";

/** Return a conversation as Markdown; what tools answered is left to the log. */
export function markdownOf(messages: readonly Message[]): string {
  return messages
    .filter((message) => message.role !== "tool_result" && message.metadata?.source !== "cancel")
    .map((message) => ({ who: message.role === "user" ? "You" : "Agent", text: textOf(message.content).trim() }))
    .filter(({ text }) => text !== "")
    .map(({ who, text }) => `## ${who}\n\n${text}\n`)
    .join("\n");
}
