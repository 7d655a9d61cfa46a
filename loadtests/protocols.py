"""The vendors' streaming protocols from the other side: answers as the events that they really send.

Whoever plays a vendor, for a test, for chaos or for a benchmark, speaks through this.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

Json = dict[str, Any]
Frame = tuple[str | None, Json | str]

_HOLE: Final = "the arguments"

PATHS: Final[Mapping[str, str]] = {
    "/v1/messages": "anthropic",
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1beta/models/{model}:streamGenerateContent": "gemini",
}


def environment(base_url: str, key: str) -> dict[str, str]:
    """Return keys and addresses under which a server finds an endpoint, whichever protocol it speaks there."""
    keys = ("OPENAI_API_KEY", "OPENAI_COMPLETIONS_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
    roots = ("ANTHROPIC_BASE_URL", "GEMINI_BASE_URL")
    return dict.fromkeys(keys, key) | dict.fromkeys(roots, base_url) | {"OPENAI_BASE_URL": f"{base_url}/v1"}


@dataclass(frozen=True)
class Called:
    """A tool call in an answer. Arguments in a string are sent as they are, JSON or not."""

    id: str
    name: str
    arguments: dict[str, Any] | str

    @property
    def written(self) -> str:
        """The arguments as they are sent."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True)
class Said:
    """A whole answer. Tokens: `input_tokens` leaves out the cached ones. `is_in_one`: its text comes in one delta."""

    text: str = ""
    thinking: str = ""
    signature: str = "signature-1"
    calls: tuple[Called, ...] = ()
    input_tokens: int = 11
    output_tokens: int = 7
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0
    is_in_one: bool = False

    @property
    def deltas(self) -> list[str]:
        """The text as it is streamed."""
        return [self.text] if self.is_in_one else words(self.text)


class Heard(NamedTuple):
    """One message of a conversation that a vendor is told: whose, and the words of it if it is a user's."""

    is_agent: bool
    text: str


def heard(protocol: str, body: Json) -> Iterator[Heard]:
    """Yield the conversation in the body of a request; what an agent says in one go may be several messages."""
    match protocol:
        case "responses":
            for item in body["input"]:
                is_agent = item.get("role") == "assistant" or item.get("type") in ("reasoning", "function_call")
                yield Heard(is_agent, _text(item.get("content", "")))
        case "gemini":
            for turn in body["contents"]:
                yield Heard(turn["role"] == "model", _text(turn["parts"]))
        case _:
            for message in body["messages"]:
                is_users = message["role"] == "user"
                yield Heard(message["role"] == "assistant", _text(message["content"]) if is_users else "")


def _text(content: str | Sequence[Json]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def frames(protocol: str, said: Said, model: str, number: int) -> list[bytes]:
    """Return the SSE frames of an answer."""
    return [_frame(name, data) for name, data in PROTOCOLS[protocol](said, model, number)]


def _frame(name: str | None, data: Json | str) -> bytes:
    body = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {body}\n\n".encode()


def words(text: str) -> list[str]:
    """Split a text into the deltas in which it is streamed."""
    return [word if index == 0 else f" {word}" for index, word in enumerate(text.split(" "))] if text else []


def anthropic(said: Said, model: str, number: int) -> Iterator[Frame]:
    """Speak the Messages API."""
    usage = {
        "input_tokens": said.input_tokens,
        "cache_read_input_tokens": said.cache_read_tokens,
        "cache_creation_input_tokens": said.cache_creation_tokens,
        "output_tokens": 1,
    }
    message: Json = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    yield "message_start", {"type": "message_start", "message": message}
    yield "ping", {"type": "ping"}
    for index, (block, deltas) in enumerate(_anthropic_blocks(said)):
        yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": block}
        for delta in deltas:
            yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": "tool_use" if said.calls else "end_turn", "stop_sequence": None}
    yield (
        "message_delta",
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": said.output_tokens}},
    )
    yield "message_stop", {"type": "message_stop"}


def _anthropic_blocks(said: Said) -> Iterator[tuple[Json, Sequence[Json]]]:
    if said.thinking:
        deltas = [{"type": "thinking_delta", "thinking": word} for word in words(said.thinking)]
        yield (
            {"type": "thinking", "thinking": "", "signature": ""},
            [*deltas, {"type": "signature_delta", "signature": said.signature}],
        )
    if said.text:
        yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in said.deltas]
    for call in said.calls:
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        yield block, [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(call)]


def chat(said: Said, model: str, number: int) -> Iterator[Frame]:
    """Speak OpenAI's Chat Completions, with reasoning as the compatible servers send it."""

    def chunk(delta: Json, finish_reason: str | None = None, **more: Any) -> Frame:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
        return None, {**_chat_head(model, number), "choices": choices, **more}

    yield chunk({"role": "assistant", "content": ""})
    for word in words(said.thinking):
        yield chunk({"reasoning_content": word})
    for word in said.deltas:
        yield chunk({"content": word})
    for index, call in enumerate(said.calls):
        head = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        yield chunk({"tool_calls": [head]})
        for piece in _pieces(call):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, "tool_calls" if said.calls else "stop")
    yield None, {**_chat_head(model, number), "choices": [], "usage": _chat_usage(said)}
    yield None, "[DONE]"


def _chat_head(model: str, number: int) -> Json:
    return {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": model}


def _chat_usage(said: Said) -> Json:
    prompt = said.input_tokens + said.cache_read_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said.output_tokens,
        "total_tokens": prompt + said.output_tokens,
        "prompt_tokens_details": {"cached_tokens": said.cache_read_tokens},
    }


def responses(said: Said, model: str, number: int) -> Iterator[Frame]:
    """Speak OpenAI's Responses."""
    sequence = 0

    def event(kind: str, **data: Any) -> Frame:
        nonlocal sequence
        sequence += 1
        return kind, {"type": kind, "sequence_number": sequence, **data}

    opening = _response(said, model, number, status="in_progress", output=[])
    yield event("response.created", response=opening)
    yield event("response.in_progress", response=opening)
    output: list[Json] = []
    for index, (item, steps) in enumerate(_responses_items(said, number)):
        started = {**item, "status": "in_progress", "content": [], "summary": [], "arguments": ""}
        yield event("response.output_item.added", output_index=index, item={k: started[k] for k in item})
        for kind, data in steps:
            yield event(kind, output_index=index, item_id=item["id"], **data)
        yield event("response.output_item.done", output_index=index, item=item)
        output.append(item)
    yield event("response.completed", response=_response(said, model, number, status="completed", output=output))


def _response(said: Said, model: str, number: int, *, status: str, output: list[Json]) -> Json:
    total = said.input_tokens + said.cache_read_tokens
    usage = {
        "input_tokens": total,
        "input_tokens_details": {"cached_tokens": said.cache_read_tokens, "cache_write_tokens": 0},
        "output_tokens": said.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": total + said.output_tokens,
    }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_760_000_000,
        "model": model,
        "status": status,
        "output": output,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage if status == "completed" else None,
    }


def _responses_items(said: Said, number: int) -> Iterator[tuple[Json, list[tuple[str, Json]]]]:
    if said.thinking:
        summary = {"type": "summary_text", "text": said.thinking}
        item = {
            "id": f"rs_{number}",
            "type": "reasoning",
            "summary": [summary],
            "encrypted_content": said.signature,
            "status": "completed",
        }
        part = {"type": "summary_text", "text": ""}
        deltas = [
            ("response.reasoning_summary_text.delta", {"summary_index": 0, "delta": word})
            for word in words(said.thinking)
        ]
        yield item, [("response.reasoning_summary_part.added", {"summary_index": 0, "part": part}), *deltas]
    if said.text:
        content = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        item = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [content],
        }
        deltas = [
            ("response.output_text.delta", {"content_index": 0, "delta": word, "logprobs": []}) for word in said.deltas
        ]
        added = ("response.content_part.added", {"content_index": 0, "part": {**content, "text": ""}})
        yield item, [added, *deltas]
    for index, call in enumerate(said.calls):
        arguments = call.written
        item = {
            "id": f"fc_{number}_{index}",
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": arguments,
            "status": "completed",
        }
        deltas = [("response.function_call_arguments.delta", {"delta": piece}) for piece in _pieces(call)]
        yield item, [*deltas, ("response.function_call_arguments.done", {"arguments": arguments, "name": call.name})]


def gemini(said: Said, model: str, number: int) -> Iterator[Frame]:
    """Speak Gemini's streamGenerateContent."""
    parts: list[Json] = [{"thought": True, "text": word} for word in words(said.thinking)]
    parts += [{"text": word} for word in said.deltas]
    for call in said.calls:
        function = {"id": call.id, "name": call.name, "args": _HOLE}
        parts.append({"functionCall": function, "thoughtSignature": b64encode(said.signature.encode()).decode()})
    head = {"responseId": f"gemini_{number}", "modelVersion": model}
    written = iter(said.calls)
    for part in parts:
        content = {"role": "model", "parts": [part]}
        event = json.dumps({**head, "candidates": [{"index": 0, "content": content}]})
        yield None, event.replace(f'"{_HOLE}"', next(written).written) if "functionCall" in part else event
    usage = {
        "promptTokenCount": said.input_tokens + said.cache_read_tokens,
        "cachedContentTokenCount": said.cache_read_tokens,
        "candidatesTokenCount": said.output_tokens,
    }
    last = {"index": 0, "content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP"}
    yield None, {**head, "candidates": [last], "usageMetadata": usage}


def _pieces(call: Called) -> list[str]:
    """Cut the arguments in two, as vendors do wherever they like."""
    text = call.written
    return [text[: len(text) // 2], text[len(text) // 2 :]]


PROTOCOLS: dict[str, Callable[[Said, str, int], Iterator[Frame]]] = {
    "anthropic": anthropic,
    "chat": chat,
    "gemini": gemini,
    "responses": responses,
}
