/** A conversation as Markdown. */

import { words } from "../words";
import { imagesOf, type Message, textOf } from "./event";

/** Return a conversation as Markdown; what tools answered is left to the log. */
export function markdownOf(messages: readonly Message[]): string {
  return messages
    .filter((message) => message.role !== "tool_result" && message.metadata?.source !== "cancel")
    .map((message) => ({ who: words.chat.speakers[message.role === "user" ? "user" : "agent"], text: saidIn(message) }))
    .filter(({ text }) => text !== "")
    .map(({ who, text }) => `## ${who}\n\n${text}\n`)
    .join("\n");
}

/** What a message says, with the names of its pictures. */
function saidIn({ content }: Message): string {
  const pictures = imagesOf(content).map(({ filename }) => `[${filename}]`);
  return [textOf(content).trim(), ...pictures].filter((part) => part !== "").join("\n\n");
}
