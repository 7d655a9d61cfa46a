"""The harnesses that every server has: what they are called, and what is in them."""

import uuid
from typing import Final

from runtime.core.authored.definition import AssignedCapability, HarnessDefinition
from runtime.core.ids import format_id

DEFAULT_NAME: Final = "generic"  # of the harness that agents and sessions get which name none
_NAMESPACE: Final = uuid.UUID("6d7f4d0e-3f0c-5a53-9a70-2a5a6f1b7c11")  # any constant of ours

# What this server does not have is stored all the same, and does nothing.
_GENERIC_CAPABILITIES: Final = (
    AssignedCapability("session_file_system"),
    AssignedCapability("bashkit_shell"),
    AssignedCapability("web_fetch", {"enable_file_download": True}),
    AssignedCapability("session_storage"),
    AssignedCapability("session"),
    AssignedCapability("session_schedule"),
    AssignedCapability("agent_instructions"),
    AssignedCapability("skills"),
    AssignedCapability("infinity_context"),
    AssignedCapability("auto_tool_search"),
    AssignedCapability("compaction"),
    AssignedCapability("budgeting"),
    AssignedCapability("self_budget"),
    AssignedCapability("ask_user"),
    AssignedCapability("soft_approval"),
    AssignedCapability("tool_output_persistence"),
    AssignedCapability("tool_output_distillation"),
    AssignedCapability("citation_retrieval"),
    AssignedCapability("citation_verification"),
    AssignedCapability("parallel_tool_calls"),
    AssignedCapability("message_metadata"),
    AssignedCapability("human_intent"),
    AssignedCapability("btw"),
    AssignedCapability("loop_detection"),
    AssignedCapability("error_disclosure", {"mode": "detailed"}),
)

BUILT_IN: Final = {
    "base": HarnessDefinition(
        display_name="Base",
        description="A plain conversation, without capabilities.",
        system_prompt="You are a helpful assistant.",
        tags=("base", "built-in"),
    ),
    "generic": HarnessDefinition(
        display_name="Generic",
        description="An all-purpose environment with files, storage and more.",
        system_prompt="You are a helpful assistant.",
        capabilities=_GENERIC_CAPABILITIES,
        tags=("generic", "built-in", "default"),
    ),
}


def built_in_id(name: str) -> str:
    """Return the id of a built-in harness, the same on every server."""
    return format_id("harness", uuid.uuid5(_NAMESPACE, name).int)
