"""Composition: harness chain, agent and session folded into one (docs/wire.md, "Layers")."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from runtime.agents.capability import Capability, Registry
from runtime.agents.composition import compose
from runtime.agents.tool import ToolContext, tool
from runtime.capabilities.catalogue import BUILT_IN
from runtime.core.authored.definition import AssignedCapability as Use
from runtime.core.authored.definition import (
    ClientTool,
    InitialFile,
    NetworkAccess,
    SessionDefinition,
)
from runtime.core.errors import InvalidInputError
from tests.unit.agents.layers import agent, harness


class Talker(Capability):
    id, name, description = "talker", "Talker", "Talks."
    features = ("talk", "file_system")

    def prompt(self, config: Mapping[str, Any]) -> str:
        return f"Speak {config.get('how', 'up')}."

    @tool()
    async def say(self, context: ToolContext) -> str:
        """Say it."""
        return "it"


class Listener(Capability):
    id, name, description = "listener", "Listener", "Listens."
    dependencies = ("talker",)

    def prompt(self, config: Mapping[str, Any]) -> str:
        return "Listen."

    @tool()
    async def say(self, context: ToolContext) -> str:
        """Say back what was heard."""
        return "back"

    @tool()
    async def hear(self, context: ToolContext) -> str:
        """Hear it."""
        return "heard"


REGISTRY = Registry([*BUILT_IN, Talker(), Listener()])


def client(name: str, description: str = "") -> ClientTool:
    return ClientTool(name, description, {"type": "object"})


def test_prompts_go_from_parent_to_child_and_the_session_before_the_agent() -> None:
    composed = compose(
        [harness(1, system_prompt="Parent."), harness(2), harness(3, system_prompt="Child.")],
        agent(system_prompt="Agent."),
        SessionDefinition(system_prompt="Session."),
        REGISTRY,
    )
    assert composed.system_prompt == "Parent.\n\nChild.\n\nSession.\n\nAgent."
    assert composed.harness_id == f"harness_{3:032x}"


def test_what_capabilities_add_comes_first_each_in_its_tag() -> None:
    composed = compose(
        [harness(system_prompt="Base.", capabilities=(Use("listener"),))],
        agent(capabilities=(Use("talker", {"how": "softly"}), Use("noop"))),
        SessionDefinition(),
        REGISTRY,
    )
    assert composed.system_prompt == (
        '<capability id="talker">\nSpeak softly.\n</capability>\n\n'
        '<capability id="listener">\nListen.\n</capability>\n\n'
        "<system-prompt>\nBase.\n</system-prompt>"
    )
    assert composed.capabilities == ("talker", "listener", "noop")


def test_without_any_prompt_there_is_none() -> None:
    assert compose([harness()], None, SessionDefinition(), REGISTRY).system_prompt == ""


def test_additions_alone_need_no_base() -> None:
    composed = compose([harness(capabilities=(Use("talker"),))], None, SessionDefinition(), REGISTRY)
    assert composed.system_prompt == '<capability id="talker">\nSpeak up.\n</capability>'


def test_the_innermost_model_counts() -> None:
    chain = [harness(1, model_id="parent"), harness(2, model_id="child")]
    assert compose([harness()], None, SessionDefinition(), REGISTRY).model_id is None
    assert compose(chain, agent(), SessionDefinition(), REGISTRY).model_id == "child"
    assert compose(chain, agent(model_id="agent"), SessionDefinition(), REGISTRY).model_id == "agent"
    assert compose(chain, agent(model_id="agent"), SessionDefinition(model_id="own"), REGISTRY).model_id == "own"


def test_a_model_is_what_its_key_meant_when_it_was_set() -> None:
    own = SessionDefinition(model_id="model_1", model="groq:llama")
    assert compose([harness()], agent(model_id="agent"), own, REGISTRY).model_id == "groq:llama"


def test_iterations_come_from_session_or_agent_and_not_from_the_harness() -> None:
    chain = [harness(max_iterations=3)]
    assert compose(chain, agent(), SessionDefinition(), REGISTRY).max_iterations == 500
    assert compose(chain, agent(max_iterations=7), SessionDefinition(), REGISTRY).max_iterations == 7
    assert compose(chain, agent(max_iterations=7), SessionDefinition(max_iterations=2), REGISTRY).max_iterations == 2


def test_parallel_calls_can_be_turned_off_by_an_inner_layer() -> None:
    chain = [harness(parallel_tool_calls=True)]
    assert compose([harness()], None, SessionDefinition(), REGISTRY).parallel_tool_calls is None
    assert compose(chain, agent(parallel_tool_calls=False), SessionDefinition(), REGISTRY).parallel_tool_calls is False


def test_tools_are_offered_in_the_order_of_their_capabilities() -> None:
    composed = compose(
        [harness(capabilities=(Use("listener"),))], None, SessionDefinition(tools=(client("ask"),)), REGISTRY
    )
    assert [spec.name for spec in composed.specs] == ["say", "hear", "ask"]
    assert composed.tools["say"].description == "Say back what was heard."


def test_client_tools_of_agent_and_session_add_up() -> None:
    composed = compose(
        [harness(tools=(client("harness_tool"),))],
        agent(tools=(client("ask"), client("tell", "agent's"))),
        SessionDefinition(tools=(client("tell", "session's"),)),
        REGISTRY,
    )
    assert {name: t.description for name, t in composed.client_tools.items()} == {"ask": "", "tell": "session's"}


def test_a_client_tool_takes_the_place_of_a_server_tool() -> None:
    composed = compose(
        [harness(capabilities=(Use("talker"),))], agent(tools=(client("say"),)), SessionDefinition(), REGISTRY
    )
    assert "say" not in composed.tools
    assert [spec.name for spec in composed.specs] == ["say"]


def test_starter_files_keep_the_file_system_active() -> None:
    file = InitialFile("/a.txt", "a")
    composed = compose([harness()], agent(initial_files=(file,)), SessionDefinition(), REGISTRY)
    assert composed.capabilities == ("session_file_system",)
    assert "read_file" in composed.tools


def test_features_are_united() -> None:
    composed = compose(
        [harness(capabilities=(Use("listener"),))],
        agent(capabilities=(Use("session_file_system"), Use("session_storage"))),
        SessionDefinition(),
        REGISTRY,
    )
    assert composed.features == ("talk", "file_system", "key_value", "secrets")


def test_mcp_servers_and_network_access_go_down_the_layers() -> None:
    composed = compose(
        [harness(mcp_servers={"a": 1, "b": 1}, network_access=NetworkAccess(allowed=("*.a.com",)))],
        agent(mcp_servers={"b": 2}, network_access=NetworkAccess(allowed=("x.a.com", "b.com"))),
        SessionDefinition(locale="de", hints={"k": 1}),
        REGISTRY,
    )
    assert composed.mcp_servers == {"a": 1, "b": 2}
    assert composed.network_access.allowed == ("x.a.com",)
    assert (composed.locale, composed.hints) == ("de", {"k": 1})


def test_the_agent_is_named_for_people() -> None:
    plain = compose([harness()], agent(description="Helps."), SessionDefinition(), REGISTRY)
    assert (plain.agent_name, plain.agent_description) == ("helper", "Helps.")
    assert compose([harness()], agent(display_name="Helper!"), SessionDefinition(), REGISTRY).agent_name == "Helper!"
    assert compose([harness()], None, SessionDefinition(), REGISTRY).agent_name is None


@pytest.mark.parametrize("status", ["archived", "deleted"])
def test_what_is_out_of_use_stops_the_turn_with_words_for_the_user(status: str) -> None:
    with pytest.raises(InvalidInputError, match=f"agent 'helper' of this session is {status}"):
        compose([harness()], agent(status=status), SessionDefinition(), REGISTRY)
    with pytest.raises(InvalidInputError) as caught:
        compose([harness(1, status=status), harness(2)], None, SessionDefinition(), REGISTRY)
    assert caught.value.stable_code == f"harness_{status}"


def test_composing_twice_gives_the_same() -> None:
    arguments = ([harness(system_prompt="x", capabilities=(Use("session"),))], agent(), SessionDefinition(), REGISTRY)
    once, again = compose(*arguments), compose(*arguments)
    assert once.system_prompt == again.system_prompt
    assert msgspec.json.encode(once.specs) == msgspec.json.encode(again.specs)
