"""What layers come to together: harness chain, agent, session, outermost first (docs/wire.md, "Layers")."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from runtime.core.authored.definition import ClientTool, InitialFile, Layer
from runtime.core.errors import InvalidInputError
from runtime.core.files.content import decode_content
from runtime.core.files.paths import canonical
from runtime.core.files.quotas import MAX_STARTER_BYTES, MAX_STARTER_FILES

T = TypeVar("T")


def innermost(values: Iterable[T | None]) -> T | None:
    """Return the last value that is there."""
    found = None
    for value in values:
        found = found if value is None else value
    return found


def fallback_models(layers: Iterable[Layer]) -> tuple[str, ...]:
    """Return the chain of the innermost layer that names one."""
    return innermost(layer.fallback_models or None for layer in layers) or ()


def prompts(layers: Iterable[Layer]) -> str:
    """Return the system prompts one after the other."""
    return "\n\n".join(layer.system_prompt for layer in layers if layer.system_prompt)


def client_tools(layers: Iterable[Layer]) -> dict[str, ClientTool]:
    """Return the clients' tools by name; an inner layer's take the place of an outer one's."""
    return {tool.name: tool for layer in layers for tool in layer.tools}


def mcp_servers(layers: Iterable[Layer]) -> dict[str, Any]:
    """Return the MCP servers by name; an inner layer's take the place of an outer one's."""
    return {name: server for layer in layers for name, server in (layer.mcp_servers or {}).items()}


def starter_files(layers: Iterable[Layer]) -> Sequence[InitialFile]:
    """Return the files of all layers, an inner one's in place of an outer one's, by path.

    Raises:
        InvalidInputError: together they are too many or too large.
    """
    by_path = {canonical(file.path): file for layer in layers for file in layer.initial_files}
    size = sum(len(decode_content(file.content, file.encoding)) for file in by_path.values())
    if len(by_path) > MAX_STARTER_FILES or size > MAX_STARTER_BYTES:
        message = (
            f"Input exceeds allowed limits: {MAX_STARTER_FILES} starter files with {MAX_STARTER_BYTES} bytes in all."
        )
        raise InvalidInputError(message)
    return [by_path[path] for path in sorted(by_path)]
