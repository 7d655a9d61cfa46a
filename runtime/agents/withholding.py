"""What of a definition is secret is taken out before it is stored: in its place stands a fingerprint.

Secret are the headers and environments of MCP servers, and what a capability's `Config` declares as a `Handle`. Whoever
sends back what is shown keeps the value; where a server's address changes its secrets must be given anew, lest whoever
may change a definition have them sent elsewhere.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar, get_args

import msgspec
from pydantic import BaseModel, ConfigDict

from runtime.agents.capability import Capability, Registry
from runtime.core.authored.definition import AssignedCapability, Layer
from runtime.core.errors import InvalidInputError
from runtime.ports.secrets import LayerSecrets

L = TypeVar("L", bound=Layer)

MCP: Final = "mcp/"
CONFIG: Final = "config/"
_GROUPS: Final = ("headers", "env")  # of an MCP server: objects whose every value is secret
_SINGLE: Final = ("authorization", "api_key", "token", "bearer_token", "client_secret")


class Handle(BaseModel):
    """A secret in a capability's configuration: clients send text, and what is stored and shown is this.

    A tool gets the value by `await context.secrets.redeem(config["name_of_the_field"])`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"writeOnly": True})

    set: Literal[True]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Withheld(Generic[L]):
    """A layer that can be stored and shown, and by name what was taken out of it: new values, and what is kept."""

    layer: L
    given: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Slot:
    name: str
    holder: dict[str, Any]
    key: str


async def withhold(layer: L, registry: Registry, secrets: LayerSecrets) -> Withheld[L]:
    """Take the secrets out of a layer.

    Raises:
        InvalidInputError: what stands in the place of one is no text.
    """
    servers = copy.deepcopy(layer.mcp_servers)
    assigned = tuple(AssignedCapability(a.ref, copy.deepcopy(a.config)) for a in layer.capabilities)
    slots = [*_of_servers(servers or {}), *_of_configs(assigned, registry)]
    withheld = Withheld(msgspec.structs.replace(layer, mcp_servers=servers, capabilities=assigned))
    for slot in slots:
        value = slot.holder[slot.key]
        if isinstance(value, str):
            withheld.given[slot.name] = value
            slot.holder[slot.key] = {"set": True, "fingerprint": await secrets.fingerprint(value)}
        else:
            withheld.kept[slot.name] = _fingerprint(slot.name, value)
    return withheld


def check_addresses(kept: Mapping[str, str], before: Layer, after: Layer) -> None:
    """Pass if no kept secret would go elsewhere than before. Raises InvalidInputError."""
    for name, server in (after.mcp_servers or {}).items():
        prefix = f"{MCP}{name}/"
        was = (before.mcp_servers or {}).get(name)
        if any(at.startswith(prefix) for at in kept) and _address(was) != _address(server):
            message = f"The MCP server {name!r} is another one now: give the values of its secrets anew."
            raise InvalidInputError(message, "secret_not_kept")


def _address(server: Any) -> Any:
    return [server.get(name) for name in ("url", "command", "args")] if isinstance(server, dict) else None


def _of_servers(servers: Mapping[str, Any]) -> Iterator[_Slot]:
    for name, server in servers.items():
        if not isinstance(server, dict):
            continue
        for group in _GROUPS:
            holder = server.get(group)
            if isinstance(holder, dict):
                yield from (_Slot(f"{MCP}{name}/{group}/{key}", holder, key) for key in holder)
        yield from (_Slot(f"{MCP}{name}/{key}", server, key) for key in _SINGLE if server.get(key) is not None)


def _of_configs(assigned: tuple[AssignedCapability, ...], registry: Registry) -> Iterator[_Slot]:
    for assignment in assigned:
        capability = registry.find(assignment.ref)
        if capability is not None and assignment.config:
            for key in _declared(capability):
                if assignment.config.get(key) is not None:
                    yield _Slot(f"{CONFIG}{capability.id}/{key}", assignment.config, key)


def _declared(capability: Capability) -> list[str]:
    if capability.Config is None:
        return []
    fields = capability.Config.model_fields.items()
    return [name for name, field in fields if field.annotation is Handle or Handle in get_args(field.annotation)]


def _fingerprint(name: str, value: Any) -> str:
    try:
        return Handle.model_validate(value).fingerprint
    except ValueError:
        message = f'{name} must be text, or {{"set": true, "fingerprint": "…"}} as it is shown, to keep what it is.'
        raise InvalidInputError(message, "invalid_secret") from None
