"""The capabilities that need no database."""

import json
from typing import Any

import pytest

from runtime.agents.capability import Registry
from runtime.agents.tool import OnInterrupt
from runtime.capabilities.catalogue import BUILT_IN
from runtime.capabilities.current_time import CurrentTime
from runtime.capabilities.session import SessionDetails
from runtime.capabilities.stateless_todo_list import StatelessTodoList
from runtime.capabilities.test_math import Arithmetic
from runtime.capabilities.test_weather import Weather
from runtime.core.authored.definition import AssignedCapability
from runtime.core.errors import ToolError
from runtime.core.event import SessionTitleUpdated
from tests.tool_contexts import ToolBench, session_info


@pytest.mark.parametrize(
    ("arguments", "time"),
    [
        ({}, "2026-03-01T12:00:00+00:00"),
        ({"timezone": "Europe/Berlin"}, "2026-03-01T13:00:00+01:00"),
        ({"format": "unix"}, 1772366400),
        ({"format": "human", "timezone": "Asia/Tokyo"}, "Sunday, 01 March 2026, 21:00:00 JST"),
    ],
)
async def test_the_time_is_told_in_any_zone_and_format(arguments: dict[str, Any], time: object) -> None:
    result = await ToolBench().call(CurrentTime(), "get_current_time", **arguments)
    assert result["time"] == time


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "/etc/localtime", "Europe"])
async def test_an_unknown_zone_is_explained(zone: str) -> None:
    with pytest.raises(ToolError, match="no time zone"):
        await ToolBench().call(CurrentTime(), "get_current_time", timezone=zone)


async def test_session_info_is_what_the_session_knows() -> None:
    result = await ToolBench(session=session_info(title="Trip")).call(SessionDetails(), "get_session_info")
    assert result["title"] == "Trip"
    assert result["message_count"] == 3


async def test_a_new_title_is_journaled_with_the_one_before() -> None:
    bench = ToolBench(session=session_info(title="Old"))
    await bench.call(SessionDetails(), "write_session_title", title="  New\n title ")
    assert bench.emitted == [SessionTitleUpdated(title="New title", previous_title="Old")]


async def test_the_same_title_again_is_no_event() -> None:
    bench = ToolBench(session=session_info(title="Same"))
    await bench.call(SessionDetails(), "write_session_title", title="Same")
    assert bench.emitted == []


@pytest.mark.parametrize("title", ["", " \n", "x" * 201])
async def test_a_title_is_some_words_and_not_too_many(title: str) -> None:
    bench = ToolBench()
    with pytest.raises(ToolError):
        await bench.call(SessionDetails(), "write_session_title", title=title)
    assert bench.emitted == []


def test_the_agent_is_asked_for_a_title_only_if_configured() -> None:
    registry = Registry(BUILT_IN)
    [quiet] = registry.resolve([AssignedCapability("session")])
    [asking] = registry.resolve([AssignedCapability("session", {"auto_title": True})])
    assert quiet.capability.prompt(quiet.config) is None
    assert "title" in (asking.capability.prompt(asking.config) or "")


async def test_todos_come_back_counted() -> None:
    todos = [
        {"content": "Read", "activeForm": "Reading", "status": "completed"},
        {"content": "Write", "activeForm": "Writing", "status": "in_progress"},
    ]
    result = await ToolBench().call(StatelessTodoList(), "write_todos", todos=todos)
    assert result == {"todos": todos, "total": 2, "pending": 0, "in_progress": 1, "completed": 1}


async def test_a_todo_with_an_unknown_status_is_refused() -> None:
    todo = {"content": "Read", "activeForm": "Reading", "status": "done"}
    with pytest.raises(ToolError, match=r"todos\.0\.status"):
        await ToolBench().call(StatelessTodoList(), "write_todos", todos=[todo])


@pytest.mark.parametrize(
    ("name", "a", "b", "result"),
    [
        ("add", 1, 2, "3"),
        ("add", 0.5, 1, "1.5"),
        ("subtract", 1, 2, "-1"),
        ("multiply", 3, 4, "12"),
        ("divide", 9, 3, "3.0"),
        ("multiply", 10**20, 10**20, "1e+40"),
    ],
)
async def test_arithmetic_keeps_whole_numbers_whole(name: str, a: float, b: float, result: str) -> None:
    answer = await ToolBench().call(Arithmetic(), name, a=a, b=b)
    assert json.dumps(answer) == f'{{"result": {result}}}'


@pytest.mark.parametrize(
    ("name", "a", "b"), [("divide", 1, 0), ("multiply", 1e308, 10), ("add", 10**400, 1), ("add", float("nan"), 1)]
)
async def test_what_is_no_number_is_an_error_and_not_a_crash(name: str, a: float, b: float) -> None:
    with pytest.raises(ToolError):
        await ToolBench().call(Arithmetic(), name, a=a, b=b)


async def test_weather_is_the_same_every_time() -> None:
    first = await ToolBench().call(Weather(), "get_weather", location="Paris")
    again = await ToolBench().call(Weather(), "get_weather", location="Paris ")
    other = await ToolBench().call(Weather(), "get_weather", location="Oslo")
    assert first["temperature_c"] == again["temperature_c"]
    assert -10 <= first["temperature_c"] <= 34
    assert {**first, "location": ""} != {**other, "location": ""}


async def test_a_forecast_has_the_days_asked_for() -> None:
    result = await ToolBench().call(Weather(), "get_forecast", location="Paris", days=5)
    assert [day["day"] for day in result["forecast"]] == [1, 2, 3, 4, 5]


def test_every_tool_that_comes_along_is_described() -> None:
    tools = [tool for capability in BUILT_IN for tool in capability.tools({"auto_title": False})]
    assert len(tools) == 22
    assert all(tool.description for tool in tools)
    assert [tool.name for tool in tools if tool.on_interrupt is OnInterrupt.ONCE] == ["edit_file"]
