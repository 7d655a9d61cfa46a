"""The registry: what assignments come to, and what may be assigned."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from pydantic import BaseModel

from runtime.agents import capability as module
from runtime.agents.capability import Capability, Registry, installed
from runtime.agents.tool import OnInterrupt, ToolContext, tool
from runtime.core.authored.definition import AssignedCapability as Use
from runtime.core.errors import InvalidInputError, NotFoundError
from tests.tool_contexts import ToolBench


def make(
    key: str, *dependencies: str, aliases: tuple[str, ...] = (), config: type[BaseModel] | None = None
) -> Capability:
    namespace = {
        "id": key,
        "name": key,
        "description": key,
        "dependencies": dependencies,
        "aliases": aliases,
        "Config": config,
    }
    made = type(key, (Capability,), namespace)()
    assert isinstance(made, Capability)
    return made


class Level(BaseModel):
    level: int = 1


def ids(registry: Registry, *refs: str) -> list[str]:
    return [r.capability.id for r in registry.resolve([Use(ref) for ref in refs])]


class Dice(Capability):
    id, name, description = "dice", "Dice", "Rolls dice."

    @tool(on_interrupt=OnInterrupt.RETRY)
    async def roll(self, context: ToolContext, sides: int = 6) -> int:
        """Roll one die."""
        return sides


class LoadedDice(Dice):
    id = "loaded_dice"

    @tool()
    async def cheat(self, context: ToolContext) -> str:
        """Choose the outcome."""
        return "six"

    @tool()
    async def roll(self, context: ToolContext, sides: int = 6) -> int:
        """Roll one die, after a fashion."""
        return 6


async def test_a_capability_is_a_class_with_tools() -> None:
    [roll] = Dice().tools({})
    assert (roll.name, roll.description) == ("roll", "Roll one die.")
    assert await ToolBench().call(Dice(), "roll", sides="20") == 20
    assert await ToolBench().call(Dice(), "roll") == 6


async def test_inherited_tools_come_first_and_can_be_overridden() -> None:
    assert [(t.name, t.on_interrupt) for t in LoadedDice().tools({})] == [("roll", "once"), ("cheat", "once")]
    assert await ToolBench().call(LoadedDice(), "roll", sides=20) == 6


def test_dependencies_come_before_what_needs_them() -> None:
    registry = Registry([make("a", "b", "c"), make("b", "d"), make("c", "d"), make("d")])
    assert ids(registry, "a") == ["d", "b", "c", "a"]
    assert ids(registry, "c", "a") == ["d", "c", "b", "a"]


def test_a_capability_keeps_its_first_place_and_takes_the_last_config() -> None:
    registry = Registry([make("a"), make("b", aliases=("bee",))])
    assigned = [Use("b", {"x": 1}), Use("a"), Use("bee", {"x": 2}), Use("b")]
    assert [(r.capability.id, dict(r.config)) for r in registry.resolve(assigned)] == [("b", {"x": 2}), ("a", {})]


def test_a_dependency_takes_the_config_that_was_assigned_to_it() -> None:
    registry = Registry([make("a", "b"), make("b", config=Level)])
    assert [dict(r.config) for r in registry.resolve([Use("a"), Use("b", {"level": 5})])] == [{"level": 5}, {}]
    assert [dict(r.config) for r in registry.resolve([Use("a")])] == [{"level": 1}, {}]


def test_what_this_server_does_not_have_does_nothing() -> None:
    registry = Registry([make("a", "gone")])
    assert ids(registry, "mcp:1", "a", "declarative:x") == ["a"]
    registry.check([Use("mcp:1", {"anything": True})])


@pytest.mark.parametrize("ref", ["a", "c"])
def test_a_circle_of_dependencies_is_refused(ref: str) -> None:
    registry = Registry([make("a", "b"), make("b", "c"), make("c", "a")])
    with pytest.raises(InvalidInputError, match="->") as caught:
        registry.resolve([Use(ref)])
    assert caught.value.stable_code == "capability_cycle"


def test_at_most_a_hundred_take_part() -> None:
    registry = Registry([make(f"c{n}") for n in range(101)])
    assert len(ids(registry, *(f"c{n}" for n in range(100)))) == 100
    with pytest.raises(InvalidInputError) as caught:
        ids(registry, *(f"c{n}" for n in range(101)))
    assert caught.value.stable_code == "too_many_capabilities"


def test_a_config_that_does_not_fit_is_refused_on_write() -> None:
    registry = Registry([make("a", config=Level)])
    registry.check([Use("a", {"level": 2}), Use("a")])
    with pytest.raises(InvalidInputError, match="level") as caught:
        registry.check([Use("a", {"level": "high"})])
    assert caught.value.stable_code == "invalid_capability_config"


def test_at_most_250_are_assigned() -> None:
    with pytest.raises(InvalidInputError):
        Registry([]).check([Use("x")] * 251)


def test_lookup_is_by_id_or_alias() -> None:
    shell = make("bashkit_shell", aliases=("virtual_bash",))
    registry = Registry([shell])
    assert registry.get("virtual_bash") is registry.get("bashkit_shell") is shell
    assert list(registry) == [shell]
    with pytest.raises(NotFoundError):
        registry.get("host_shell")


def test_two_capabilities_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="'b'"):
        Registry([make("a", aliases=("b",)), make("b")])


def test_a_capability_without_a_name_is_refused() -> None:
    class Nameless(Capability):
        id = "nameless"

    with pytest.raises(InvalidInputError, match="name, description"):
        Registry([Nameless()])


# ---------------------------------------------------------------- installed packages


def entries(*values: str) -> Any:
    return lambda group: [EntryPoint(name=value.rpartition(":")[2], value=value, group=group) for value in values]


class BrokenDice(Dice):
    def __init__(self) -> None:
        message = "no table to roll on"
        raise RuntimeError(message)


ready_dice = LoadedDice()
not_a_capability = {"id": "dice"}


def test_packages_add_classes_and_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "entry_points", entries(f"{__name__}:ready_dice", f"{__name__}:Dice"))
    assert [c.id for c in installed()] == ["dice", "loaded_dice"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("BrokenDice", "no table to roll on"),
        ("Missing", "has no attribute"),
        ("not_a_capability", "is not a perdure.Capability"),
    ],
)
def test_a_broken_package_is_named(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "entry_points", entries(f"{__name__}:{name}"))
    with pytest.raises(InvalidInputError, match=words) as caught:
        installed()
    assert name in caught.value.message
    assert caught.value.stable_code == "broken_capability"


def test_prompt_and_features_are_optional() -> None:
    plain = make("plain")
    config: Mapping[str, Any] = {}
    assert (plain.prompt(config), list(plain.tools(config)), plain.features) == (None, [], ())
