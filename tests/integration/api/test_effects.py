"""The effect ledger and pending decisions over HTTP."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.http.deps import House
from runtime.core import event as ev
from runtime.core.access.principal import Principal
from runtime.core.ids import format_id, hex_of
from runtime.core.message import TextPart, ToolCallPart
from runtime.core.session.decision import CHOICES, Decision
from runtime.core.session.effect import idempotency_key
from runtime.store.pool import Pool
from tests.fakes import FakeGateway

TURN = format_id("turn", 7)
CALL = ToolCallPart('call/1 "ü"', "wire", {"amount": 7, "card": "4111-secret"})
OTHER = ToolCallPart("call_2", "look", {})
NOON = "2026-01-01T12:00:00.000Z"


def asked(attempt: int = 1) -> ev.ToolDecisionRequested:
    return ev.ToolDecisionRequested(
        tool_call=CALL,
        attempt=attempt,
        idempotency_key="effect_1",
        expires_at="2026-01-02T12:00:00.000Z",
        headline="Did wire take effect?",
        message="Nobody knows.",
        choices=CHOICES,
    )


def started(call: ToolCallPart = CALL) -> ev.ToolStarted:
    return ev.ToolStarted(tool_call=call, on_interrupt="ask")


def completed(call: ToolCallPart = CALL, **fields: Any) -> ev.ToolCompleted:
    values: dict[str, Any] = {"success": True, "status": "success", "result": (TextPart("4111-secret"),), **fields}
    return ev.ToolCompleted(tool_call_id=call.id, tool_name=call.name, **values)


def made(given: Decision) -> ev.ToolDecisionMade:
    return ev.ToolDecisionMade(
        tool_call_id=given.tool_call_id,
        tool_name="wire",
        attempt=given.attempt,
        decision=given.choice,
        result=given.result,
        note=given.note,
    )


REPLAY = ev.TranscriptRepaired(tool_call_id=CALL.id, action=ev.REPLAY, tool_name="wire")
INSERT = """
INSERT INTO events (org_id, session_id, sequence, id, type, epoch, turn_id, body)
SELECT org_id, id, $2, $3, $4, 1, $5, $6 FROM sessions WHERE id = $1
"""


class Ledger:
    """The log of one session, written by hand."""

    def __init__(self, pool: Pool, session_id: str) -> None:
        self._pool = pool
        self.session_id = session_id
        self.length = 0
        self.path = f"/v1/durable/sessions/{session_id}"

    async def write(self, *payloads: ev.Payload, status: str = "waitingfortoolresults") -> None:
        session = hex_of(self.session_id)
        for data in payloads:
            self.length += 1
            event = ev.Event(
                id=format_id("event", self.length << 64),
                type=data.type,
                ts=NOON,
                session_id=self.session_id,
                context=ev.Context(turn_id=TURN),
                data=data,
                sequence=self.length,
            )
            key, turn = hex_of(event.id), hex_of(TURN)
            await self._pool.execute(INSERT, session, self.length, key, data.type, turn, ev.encode(event).decode())
        await self._pool.execute(
            "UPDATE sessions SET status = $2, last_sequence = $3 WHERE id = $1", session, status, self.length
        )


class Owner(FakeGateway):
    """Stands for the session's actor: writes down what `decided` makes of a decision."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger: Ledger | None = None
        self.decided: Callable[[Decision], list[ev.Payload]] = lambda given: [made(given)]

    async def submit_decision(self, by: Principal, session_id: str, decision: Decision) -> bool:
        assert self.ledger is not None
        await super().submit_decision(by, session_id, decision)
        await self.ledger.write(*self.decided(decision))
        return True


@pytest.fixture
def gateway() -> Owner:
    return Owner()


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(house), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api") as client:
        yield client


@pytest.fixture
async def ledger(client: httpx.AsyncClient, pool: Pool, gateway: Owner) -> Ledger:
    opened = (await client.post("/v1/sessions", json={})).json()
    gateway.ledger = Ledger(pool, opened["id"])
    return gateway.ledger


async def _pending(client: httpx.AsyncClient, ledger: Ledger) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = (await client.get("/v1/durable/decisions", params={"session_id": ledger.session_id})).json()["data"]
    return found


async def _decide(client: httpx.AsyncClient, ledger: Ledger, **body: Any) -> httpx.Response:
    effect = httpx.URL("http://localhost").copy_with(path=f"/api{ledger.path}/effects/{CALL.id}/decision")
    return await client.post(effect, json=body)


def _refused(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


async def test_what_waits_for_a_person_is_listed_with_the_words_to_show_and_where_to_answer(
    client: httpx.AsyncClient, ledger: Ledger
) -> None:
    await ledger.write(started(), asked())
    found = await _pending(client, ledger)
    assert (found["tool_call_id"], found["tool_name"], found["attempt"]) == (CALL.id, "wire", 1)
    assert found["arguments"] == CALL.arguments
    assert (found["headline"], found["asked_at"]) == ("Did wire take effect?", NOON)
    assert [choice["decision"] for choice in found["choices"]] == ["happened", "retry", "skip"]
    session = (await client.get(ledger.path)).json()
    assert (session["status"], session["pending_decisions"]) == ("waitingfortoolresults", [found])
    everywhere = (await client.get("/v1/durable/decisions", params={"limit": 100})).json()
    assert found in everywhere["data"]
    answer = await client.post(f"http://localhost{found['href']}", json={"decision": "skip"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("settled", "status"),
    [
        ([made(Decision(tool_call_id=CALL.id, attempt=1, choice="retry"))], "waitingfortoolresults"),
        ([completed(success=False, status="cancelled")], "waitingfortoolresults"),
        ([], "idle"),
    ],
)
async def test_what_is_settled_or_over_waits_no_more(
    client: httpx.AsyncClient, ledger: Ledger, settled: list[ev.Payload], status: str
) -> None:
    await ledger.write(started(), asked(), *settled, status=status)
    reply = await client.get("/v1/durable/decisions", params={"session_id": ledger.session_id})
    assert (reply.json()["data"], reply.json()["total"]) == ([], 0)
    assert (await client.get(ledger.path)).json()["pending_decisions"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "happened"},
        {"decision": "happened", "result": {"receipt": [1, 2.5, None, "ü"]}, "note": "seen"},
        {"decision": "retry", "attempt": 1},
        {"decision": "skip"},
    ],
)
async def test_a_decision_is_taken_once_and_answered_alike_ever_after(
    client: httpx.AsyncClient, ledger: Ledger, gateway: Owner, body: dict[str, Any]
) -> None:
    await ledger.write(started(), asked())
    first = await _decide(client, ledger, **body)
    assert first.status_code == 200
    assert first.json() == {
        "session_id": ledger.session_id,
        "tool_call_id": CALL.id,
        "attempt": 1,
        "decision": body["decision"],
        "decided_at": NOON,
        "note": body.get("note"),
    }
    await ledger.write(REPLAY, completed(), status="idle")
    again = await _decide(client, ledger, **body)
    assert (again.status_code, again.json()) == (200, first.json())
    [(_, given)] = gateway.decisions
    assert (given.choice, given.result) == (body["decision"], body.get("result"))
    other = "skip" if body["decision"] != "skip" else "retry"
    assert _refused(await _decide(client, ledger, decision=other)) == (409, "already_decided")


async def test_the_same_decision_with_another_result_is_another_decision(
    client: httpx.AsyncClient, ledger: Ledger
) -> None:
    await ledger.write(started(), asked())
    assert (await _decide(client, ledger, decision="happened", result=1)).status_code == 200
    assert _refused(await _decide(client, ledger, decision="happened", result=2)) == (409, "already_decided")


async def test_who_comes_second_hears_what_the_first_decided(
    client: httpx.AsyncClient, ledger: Ledger, gateway: Owner
) -> None:
    """Both looked while nobody had decided; the session takes one."""
    await ledger.write(started(), asked())
    gateway.decided = lambda _: [made(Decision(tool_call_id=CALL.id, attempt=1, choice="skip"))]
    assert _refused(await _decide(client, ledger, decision="retry")) == (409, "already_decided")
    assert (await _decide(client, ledger, decision="skip")).status_code == 200


async def test_a_question_that_is_withdrawn_meanwhile_cannot_be_answered(
    client: httpx.AsyncClient, ledger: Ledger, gateway: Owner
) -> None:
    await ledger.write(started(), asked())
    gateway.decided = lambda _: [completed(success=False, status="cancelled")]
    assert _refused(await _decide(client, ledger, decision="retry")) == (409, "not_waiting_for_decision")


@pytest.mark.parametrize("log", [[started()], [started(), completed()], [started(), REPLAY]])
async def test_a_call_that_nobody_asks_about_cannot_be_decided(
    client: httpx.AsyncClient, ledger: Ledger, gateway: Owner, log: list[ev.Payload]
) -> None:
    await ledger.write(*log)
    assert _refused(await _decide(client, ledger, decision="retry")) == (409, "not_waiting_for_decision")
    assert gateway.decisions == []


async def test_a_decision_about_one_attempt_never_answers_for_another(
    client: httpx.AsyncClient, ledger: Ledger, gateway: Owner
) -> None:
    retry = Decision(tool_call_id=CALL.id, attempt=1, choice="retry")
    await ledger.write(started(), asked(), made(retry), REPLAY, asked(2))
    assert (await _decide(client, ledger, decision="retry", attempt=1)).json()["attempt"] == 1
    assert gateway.decisions == []
    assert _refused(await _decide(client, ledger, decision="retry", attempt=3)) == (409, "not_waiting_for_decision")
    assert (await _decide(client, ledger, decision="happened")).json()["attempt"] == 2


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, ledger: Ledger) -> None:
    await ledger.write(started(OTHER))
    nobody = f"/v1/durable/sessions/{format_id('session', 1)}"
    body = {"decision": "skip"}
    assert _refused(await client.get(f"{nobody}/effects")) == (404, "session_not_found")
    assert _refused(await client.post(f"{nobody}/effects/c/decision", json=body)) == (404, "session_not_found")
    assert _refused(await _decide(client, ledger, **body)) == (404, "tool_call_not_found")
    assert _refused(await client.get(f"{ledger.path}/effects/%27%25")) == (404, "tool_call_not_found")
    assert _refused(await client.get("/v1/durable/sessions/x/effects")) == (400, "invalid_session_id")
    assert _refused(await client.get("/v1/durable/decisions?session_id=x")) == (400, "invalid_input")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": "maybe"},
        {"decision": "skip", "result": 1},
        {"decision": "retry", "result": False},
        {"decision": "happened", "result": "x" * 100_001},
        {"decision": "skip", "note": "x" * 1001},
        {"decision": "skip", "attempt": 0},
        {"decision": "skip", "attempt": "1"},
    ],
)
async def test_a_malformed_decision_is_refused_and_nothing_is_decided(
    client: httpx.AsyncClient, ledger: Ledger, gateway: Owner, body: dict[str, Any]
) -> None:
    await ledger.write(started(), asked())
    assert _refused(await _decide(client, ledger, **body)) == (400, "invalid_input")
    assert gateway.decisions == []


async def test_the_ledger_tells_what_came_of_each_call_and_holds_no_arguments_or_results(
    client: httpx.AsyncClient, ledger: Ledger
) -> None:
    """They may hold secrets, and the events show them already to whoever may see them."""
    await ledger.write(started(), started(OTHER), completed(OTHER, duration_ms=12), asked())
    reply = await client.get(f"{ledger.path}/effects")
    body = reply.json()
    assert (body["total"], body["offset"], body["limit"]) == (2, 0, 20)
    assert body["data"][1] == {
        "tool_call_id": CALL.id,
        "idempotency_key": idempotency_key(ledger.session_id, TURN, CALL.id),
        "tool_name": "wire",
        "display_name": None,
        "turn_id": TURN,
        "policy": "ask",
        "state": "awaiting_decision",
        "attempts": 1,
        "started_at": NOON,
        "finished_at": None,
        "duration_ms": None,
        "decisions": [],
    }
    assert (body["data"][0]["state"], body["data"][0]["duration_ms"]) == ("done", 12)
    assert "4111" not in reply.text
    one = await client.get(f"{ledger.path}/effects/{OTHER.id}")
    assert one.json() == body["data"][0]
    second = (await client.get(f"{ledger.path}/effects", params={"offset": 1, "limit": 1})).json()
    assert second["data"] == body["data"][1:]


async def test_an_empty_ledger_is_an_empty_page(client: httpx.AsyncClient, ledger: Ledger) -> None:
    assert (await client.get(f"{ledger.path}/effects")).json()["data"] == []
