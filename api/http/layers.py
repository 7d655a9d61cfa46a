"""From request bodies to layers; what of them does nothing here is warned of."""

from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from api.http.audit import changed
from api.http.notices import MOST, suggestion, warn
from api.schemas.layer import LayerBody, LayerReply
from runtime.agents.capability import Registry
from runtime.agents.layers import unknown_capabilities
from runtime.core.authored.definition import Layer

D = TypeVar("D", bound=Layer)

_UNTOLD: Final = {"self_url", "allowed_actions", "created_at", "updated_at", "usage"}
_PROMPT_CHARS: Final = 1_000  # of a prompt, in the audit log


def definition(body: LayerBody, kind: type[D], registry: Registry) -> D:
    """Return the layer that a request describes; what it leaves out is empty."""
    for at in body.dropped_tools:
        words = "a builtin tool is the server's own and comes with a capability, ignored"
        warn("builtin_tool_dropped", f"tools[{at}]", words)
    fields = body.definition_fields()
    if not any(fields.get("network_access", {}).values()):
        fields.pop("network_access", None)  # an empty list restricts nothing
    made = msgspec.convert(fields, kind)
    for at, ref in islice(unknown_capabilities(made, registry), MOST):
        meant = suggestion(ref, (capability.id for capability in registry))
        warn("unknown_capability", f"capabilities[{at}]", f"there is no {ref[:100]!r} here, ignored{meant}")
    return made


def changes(body: LayerBody, kind: type[Layer], registry: Registry) -> dict[str, Any]:
    """Return the fields of a layer that a request gives; lists and objects replace the old ones whole."""
    made = definition(body, kind, registry)
    return {name: getattr(made, name) for name in body.definition_fields()}


def told(before: LayerReply | None, after: LayerReply) -> None:
    """Have the audit log say what is different now. Values that may hold secrets or much else are left out."""
    old, new = {} if before is None else _facts(before), _facts(after)
    differing = [name for name in new if old.get(name) != new[name]]
    changed({name: old.get(name) for name in differing} if old else None, {name: new[name] for name in differing})


def _facts(reply: LayerReply) -> dict[str, Any]:
    facts = reply.model_dump(exclude=_UNTOLD)
    facts["system_prompt"] = reply.system_prompt[:_PROMPT_CHARS]
    facts["capabilities"] = [capability.ref for capability in reply.capabilities]
    facts["initial_files"] = [file.path for file in reply.initial_files]
    facts["mcp_servers"] = sorted(reply.mcp_servers or {})
    facts["tools"] = [tool.name for tool in reply.tools]
    return facts
