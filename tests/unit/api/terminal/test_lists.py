"""Tables of what a server has."""

import io
from typing import Any
from urllib.parse import urlencode

import pytest
from rich.console import Console

from api.terminal import lists, words
from api.terminal.lists import Column, Item

AGENT_ID = "agent_" + "1" * 32
AGENTS: list[Item] = [
    {"name": "poet", "id": AGENT_ID, "default_model_id": None, "description": "[bold]Writes[/] \x1b[2J" + "long " * 40},
    {"name": "a-much-longer-name", "id": AGENT_ID, "default_model_id": "llmsim:sim-echo"},
]


def shown(columns: tuple[Column, ...], items: list[Item], width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width).print(lists.table(columns, items))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_table_cuts_words_to_the_terminal_and_never_what_must_be_copied() -> None:
    heading, poet, other = shown(lists.AGENTS, AGENTS, width=90)
    assert heading.split() == ["name", "id", "model", "description"]
    assert poet.startswith("poet ")
    assert AGENT_ID in poet
    assert poet.endswith("…")
    assert len(poet) <= 90
    assert other.startswith(f"a-much-longer-name  {AGENT_ID}")


def test_a_table_that_has_room_cuts_at_a_hundred_characters_and_shows_words_as_they_are() -> None:
    _, poet, other = shown(lists.AGENTS, AGENTS, width=1_000)
    assert "[bold]Writes[/] [2Jlong long" in poet
    assert other.split()[2:] == ["llmsim:sim-echo", "-"]


def test_times_are_to_the_minute_and_memory_in_mebibytes() -> None:
    session: dict[str, Any] = {"id": "s", "status": "idle", "updated_at": "2026-12-01T07:58:30.123Z", "preview": "Hi"}
    actor: dict[str, Any] = {"rss_bytes": 5 << 20, "started_at": "2026-12-01T07:58:30Z", "name": "a", "waiting": 0}
    assert shown(lists.SESSIONS, [session], 100)[1].split() == ["s", "idle", "2026-12-01", "07:58", "Hi"]
    assert shown(lists.ACTORS, [actor], 200)[1].split() == [
        "a",
        "-",
        "-",
        "-",
        "0",
        "5",
        "-",
        "-",
        "2026-12-01",
        "07:58",
    ]


def test_an_event_is_a_line() -> None:
    event = {"sequence": 7, "ts": "2026-12-01T07:58:30.123Z", "type": "turn.started", "data": {"turn_id": "t\n"}}
    assert lists.event_line(event) == '     7  07:58:30  turn.started                {"turn_id":"t\\n"}'


def test_what_strangers_call_themselves_neither_steers_a_terminal_nor_adds_a_field() -> None:
    assert words.fields("user_1", "a\x1b[2J@b", "x\nuser_2\tadministrator") == "user_1\ta[2J@b\tx user_2 administrator"


class PagedRemote:
    """Shows seven items, of which an offset leads to four."""

    async def call(self, method: str, path: str, kind: type[lists.Items], *, params: dict[str, str]) -> lists.Items:
        begin = int(params.get("after_id", params.get("offset", "0")))
        assert int(params.get("offset", "0")) <= 4, "offsets go to 4"
        end = min(7, begin + int(params["limit"]))
        more = (
            f"{path}?{urlencode({k: v for k, v in params.items() if k not in ('offset', 'after_id')})}&after_id={end}"
        )
        return lists.Items([{"id": n} for n in range(begin, end)], more if end < 7 else None)


@pytest.mark.parametrize("limit", [3, 7, 100])
async def test_a_list_is_read_as_far_as_the_server_leads(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(lists, "PAGE_MOST", 2)
    found = await lists.pages(PagedRemote(), "/sessions", limit, search="x")  # type: ignore[arg-type]
    assert [item["id"] for item in found] == list(range(min(7, limit)))
