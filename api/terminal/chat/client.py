"""The server as the chat sees it.

A message carries an Idempotency-Key; a cancel, tool results and decisions are answered for the second time with what
happened the first time. So each of them may be tried until it is heard.
"""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import quote

import msgspec
from httpx_sse import ServerSentEvent

from api.terminal.remote import Remote
from runtime.core import event as ev
from runtime.core.errors import ConflictError
from runtime.core.ids import is_id
from runtime.core.message import Message

UNSHOWN: Final = "llm.generation"  # large, and nothing of it is shown


class OpenedSession(msgspec.Struct, frozen=True):
    """A session, as far as it matters here."""

    id: str
    agent_id: str | None = None


class Listed(Message, frozen=True, kw_only=True):
    """A message with its place in the log."""

    sequence: int = 0


class _Sent(msgspec.Struct, frozen=True):
    id: str


class _Listing(msgspec.Struct, frozen=True):
    data: list[Listed]


class _Place(msgspec.Struct, frozen=True):
    sequence: int


class _Places(msgspec.Struct, frozen=True):
    data: list[_Place]


class _Status(msgspec.Struct, frozen=True):
    status: str


class _Decided(msgspec.Struct, frozen=True):
    decision: str


class Client:
    """What the chat asks of a server."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def open_session(self, agent: str | None) -> OpenedSession:
        """Open a session, with an agent by id or name. Raises InvalidInputError."""
        key = None if agent is None else "agent_id" if is_id("agent", agent) else "agent_name"
        return await self._remote.call("POST", "/sessions", OpenedSession, json={key: agent} if key else {})

    async def session(self, session_id: str) -> OpenedSession:
        """Return a session. Raises InvalidInputError."""
        return await self._remote.call("GET", f"/sessions/{session_id}", OpenedSession)

    async def messages(self, session_id: str) -> Sequence[Listed]:
        """Return the whole conversation, oldest first."""
        return (await self._remote.call("GET", f"/sessions/{session_id}/messages", _Listing)).data

    async def newest(self, session_id: str, event_type: str | None = None) -> int:
        """Return the sequence of the newest event that `follow` yields, of one type or of any; 0 for none."""
        params = {"limit": "1"} | ({"types": event_type} if event_type else {"exclude": UNSHOWN})
        found = (await self._remote.call("GET", f"/sessions/{session_id}/events", _Places, params=params)).data
        return found[-1].sequence if found else 0

    async def send(self, session_id: str, text: str, model: str | None = None) -> str:
        """Send a message and return its id. It is sent once, however often that has to be tried."""
        body: dict[str, Any] = {"message": {"role": "user", "content": [{"type": "text", "text": text}]}}
        if model is not None:
            body["controls"] = {"model_id": model}
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        path = f"/sessions/{session_id}/messages"
        return (await self._remote.call("POST", path, _Sent, json=body, headers=headers)).id

    async def cancel(self, session_id: str) -> bool:
        """Stop the running turn; False if there was none."""
        answer = await self._remote.call("POST", f"/sessions/{session_id}/cancel", _Status, json={})
        return answer.status == "cancelled"

    async def submit(self, session_id: str, results: Sequence[dict[str, Any]]) -> bool:
        """Hand in tool results; False if they are not waited for, or not any more."""
        body = {"tool_results": results}
        try:
            await self._remote.call("POST", f"/sessions/{session_id}/tool-results", _Status, json=body)
        except ConflictError:
            return False
        return True

    async def decide(self, session_id: str, tool_call_id: str, decision: dict[str, Any]) -> None:
        """Say what became of a call. Raises ConflictError if nobody asks any more, or it was decided otherwise."""
        path = f"/durable/sessions/{session_id}/effects/{quote(tool_call_id, safe='')}/decision"
        await self._remote.call("POST", path, _Decided, json=decision)

    async def follow(self, session_id: str, after: int) -> AsyncGenerator[ev.Event, None]:
        """Yield the events after a sequence and then what happens, each durable one exactly once.

        Raises:
            InvalidInputError: the server refuses; the words say why.
        """
        async with aclosing(self._remote.follow(session_id, after, {"exclude": UNSHOWN})) as frames:
            async for frame in frames:
                if (event := _event(frame)) is not None:
                    yield event


def _event(frame: ServerSentEvent) -> ev.Event | None:
    """Return the event of a frame; None for what this version cannot read, which is no reason to stop."""
    try:
        return ev.decode(frame.data)
    except msgspec.DecodeError:
        return None
