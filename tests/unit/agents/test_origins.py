"""Where what a turn runs with came from: the same as is composed, each part with its layer."""

from collections.abc import Mapping
from typing import Any

import pytest

from runtime.agents.capability import Capability, Registry
from runtime.agents.composition import compose
from runtime.agents.origins import LayerKind, trace
from runtime.agents.tool import ToolContext, tool
from runtime.core.authored.definition import AssignedCapability as Use
from runtime.core.authored.definition import (
    ClientTool,
    InitialFile,
    Session,
    SessionDefinition,
)
from runtime.core.errors import InvalidInputError
from tests.unit.agents.layers import TIME, agent, harness


class Files(Capability):
    id, name, description = "session_file_system", "Files", "Reads."

    @tool()
    async def read(self, context: ToolContext) -> str:
        """Read."""
        return ""


class Talker(Capability):
    id, name, description = "talker", "Talker", "Talks."
    aliases = ("speaker",)

    def prompt(self, config: Mapping[str, Any]) -> str:
        return f"Speak {config.get('how', 'up')}."

    @tool()
    async def say(self, context: ToolContext) -> str:
        """Say it."""
        return "it"


class Listener(Capability):
    id, name, description = "listener", "Listener", "Listens."
    dependencies = ("speaker",)

    @tool()
    async def hear(self, context: ToolContext) -> str:
        """Hear it."""
        return "heard"


REGISTRY = Registry([Files(), Talker(), Listener()])


def session(**fields: Any) -> Session:
    nothing = dict.fromkeys(
        ("agent_id", "parent_id", "actor", "usage", "preview", "output_preview", "started_at", "finished_at")
    )
    return Session(
        id=f"session_{1:032x}",
        org_id=f"org_{1:032x}",
        owner_id=f"user_{1:032x}",
        harness_id=f"harness_{1:032x}",
        workspace_id=f"wsp_{1:032x}",
        definition=SessionDefinition(**fields),
        title="Talk",
        status="idle",
        epoch=1,
        last_sequence=0,
        recoveries=0,
        quarantined=False,
        is_pinned=False,
        created_at=TIME,
        updated_at=TIME,
        **nothing,
    )


def test_each_part_of_the_prompt_names_its_layer_and_all_of_them_are_the_prompt() -> None:
    chain = [harness(1, system_prompt="Parent.", capabilities=(Use("listener"),)), harness(2, display_name="Second")]
    helper, talk = agent(system_prompt="Agent."), session(system_prompt="Session.")
    traced = trace(chain, helper, talk, REGISTRY)
    said = [(prompt.text, prompt.origin.name, prompt.capability) for prompt in traced.prompts]
    assert said == [
        ("Speak up.", "harness-1", "talker"),
        ("Parent.", "harness-1", None),
        ("Session.", "Talk", None),
        ("Agent.", "helper", None),
    ]
    assert traced.agent == compose(chain, helper, talk.definition, REGISTRY)
    at = [traced.agent.system_prompt.index(prompt.text) for prompt in traced.prompts]
    assert at == sorted(at)


def test_a_capability_comes_from_the_outermost_layer_that_names_it_or_from_what_needs_it() -> None:
    chain = [harness(1), harness(2, capabilities=(Use("listener"),))]
    traced = trace(chain, agent(capabilities=(Use("listener"),)), None, REGISTRY)
    uses = [(use.capability.id, use.origin.name, use.needed_by) for use in traced.capabilities]
    assert uses == [("talker", "harness-2", "listener"), ("listener", "harness-2", None)]
    named = trace(chain, agent(capabilities=(Use("speaker"),)), None, REGISTRY)
    talker, _ = named.capabilities
    assert (talker.capability.id, talker.origin.name, talker.needed_by) == ("talker", "helper", None)


def test_starter_files_bring_what_reads_them() -> None:
    traced = trace([harness(1)], agent(initial_files=(InitialFile("a", "a"),)), None, REGISTRY)
    assert [(use.capability.id, use.origin.kind) for use in traced.capabilities] == [
        ("session_file_system", LayerKind.AGENT)
    ]


def test_a_tool_names_its_capability_and_a_clients_tool_only_its_layer() -> None:
    own = ClientTool("say", "Says it elsewhere.", {"type": "object"})
    traced = trace([harness(1, capabilities=(Use("listener"),))], agent(), session(tools=(own,)), REGISTRY)
    tools = [(offer.spec.name, offer.capability, offer.origin.kind) for offer in traced.tools]
    assert tools == [("hear", "listener", LayerKind.HARNESS), ("say", None, LayerKind.SESSION)]
    assert tuple(offer.spec for offer in traced.tools) == traced.agent.specs


@pytest.mark.parametrize(
    ("inner", "outer", "origin"),
    [(None, None, None), (None, "outer", "harness-1"), ("inner", "outer", "helper"), ("inner", None, "helper")],
)
def test_the_model_is_the_innermost_layers(inner: str | None, outer: str | None, origin: str | None) -> None:
    traced = trace([harness(1, model_id=outer)], agent(model_id=inner), None, REGISTRY)
    assert (traced.model and traced.model.name) == origin
    assert traced.agent.model_id == (inner or outer)


def test_what_could_not_run_is_not_traced() -> None:
    with pytest.raises(InvalidInputError, match="archived"):
        trace([harness(1)], agent(status="archived"), None, REGISTRY)
