"""From request bodies to layers; what of them does nothing here is warned of."""

from itertools import islice
from typing import Any, TypeVar

import msgspec

from api.http.notices import MOST, suggestion, warn
from api.schemas.layer import LayerBody
from runtime.agents.capability import Registry
from runtime.agents.layers import unknown_capabilities
from runtime.core.authored.definition import Layer

D = TypeVar("D", bound=Layer)


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
