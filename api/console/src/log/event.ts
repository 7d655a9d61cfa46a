/** Events as they come over the wire (docs/wire.md, "Events"), as far as the console reads them. */

export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens?: number;
  cache_creation_tokens?: number;
  estimated_cost_usd?: number;
}

export interface TextPart {
  type: "text";
  text: string;
}

export interface CallPart {
  type: "tool_call";
  id: string;
  name: string;
  arguments: Record<string, unknown>;
}

export interface ImagePart {
  type: "image";
  url?: string;
  base64?: string;
  media_type?: string;
}

/** A picture that was uploaded, and is named by messages. */
export interface Attached {
  id: string;
  filename: string;
}

export interface ImageFilePart {
  type: "image_file";
  image_id: string;
  filename?: string;
}

export type Part = TextPart | CallPart | ImagePart | ImageFilePart | { type: "other" };

export interface Message {
  id: string;
  role: string;
  content: Part[];
  created_at: string;
  phase?: string;
  metadata?: Record<string, unknown>;
}

export interface Choice {
  decision: string;
  label: string;
  description: string;
}

interface ModelMetadata {
  model: string;
}

interface OfCall {
  tool_call_id: string;
  tool_name: string;
  display_name?: string;
}

type Call = Omit<CallPart, "type">;

/** What the events say that change what a reader sees. Others count, and mean nothing here. */
export interface Payloads {
  "session.title.updated": { title: string };
  "session.idled": { usage?: Usage };
  "input.message": { message: Message };
  "turn.started": { turn_id: string };
  "turn.completed": { turn_id: string; duration_ms?: number; usage?: Usage; iterations?: number };
  "turn.failed": { turn_id: string; error: string; error_code?: string };
  "turn.cancelled": { turn_id: string; reason?: string; usage?: Usage };
  "turn.sealed": { turn_id: string; reason: string; detail?: string };
  "reason.started": { metadata?: ModelMetadata };
  "reason.thinking.started": { turn_id: string };
  "reason.thinking.delta": { turn_id: string; accumulated: string };
  "reason.thinking.completed": { turn_id: string; thinking: string };
  "reason.recovered": { turn_id: string };
  "reason.completed": { success: boolean; error?: string; duration_ms?: number; usage?: Usage };
  "output.message.started": { message_id: string; model?: string };
  "output.message.delta": { message_id: string; accumulated: string };
  "output.message.completed": { message: Message; metadata?: ModelMetadata; error_code?: string };
  "tool.started": { tool_call: Call; display_name?: string };
  "tool.progress": OfCall & { message: string };
  "tool.output.delta": OfCall & { delta: string };
  "tool.completed": OfCall & {
    success: boolean;
    status: string;
    result?: Part[];
    error?: string;
    duration_ms?: number;
    outcome_unknown?: boolean;
  };
  "tool.call_requested": { tool_calls: Call[] };
  "tool.decision_requested": {
    tool_call: Call;
    attempt: number;
    expires_at: string;
    headline: string;
    message: string;
    choices: Choice[];
    display_name?: string;
  };
  "tool.decision_made": { tool_call_id: string; decision: string; note?: string };
  "transcript.repaired": { tool_call_id: string; action: string };
}

export interface Context {
  turn_id?: string;
  exec_id?: string;
  span_id?: string;
  parent_span_id?: string;
}

export interface LogEvent<Type extends string = string, Data = unknown> {
  id: string;
  type: Type;
  ts: string;
  session_id: string;
  /** From 1, dense; ephemeral events have none. */
  sequence?: number;
  context: Context;
  data: Data;
  metadata?: Record<string, unknown>;
  tags?: string[];
}

export type EventOf<Type extends keyof Payloads> = LogEvent<Type, Payloads[Type]>;

/** Return the uploaded pictures of a message. */
export function imagesOf(content: readonly Part[]): Attached[] {
  return content.flatMap((part) =>
    part.type === "image_file" ? [{ id: part.image_id, filename: part.filename ?? part.image_id }] : [],
  );
}

/** Return what a message says, without its calls and pictures. */
export function textOf(content: readonly Part[]): string {
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}
