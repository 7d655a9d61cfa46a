"""What authors of capabilities import: this package and no other of Perdure's. It stays; what lies behind it may move.

- A capability: `Capability`, `Risk`.
- Its tools: `tool`, `Tool`, `OnInterrupt`, and `ToolError`, whose words the model reads.
- A call's surroundings: `ToolContext`, its `SessionInfo`, its `files` (`Workspace`, with `File`, `FileEntry`,
  `LineMatch`) and its `keys` (`KeyValues`, with `KeyValue`).
- What files raise: `InvalidInputError`, `NotFoundError`, `ConflictError`, `ForbiddenError`, which all are a
  `CallerError`. The model reads those words too, unless the tool catches them.
- What a tool may emit: `ToolProgress`, `ToolOutputDelta`, `FileWritten`, `SessionTitleUpdated`.

A name is added in a minor version, and removed or given another meaning in a major one only. Nothing is defined here.

A capability is trusted code: it runs in the session's process, with every key and every session that is there
(docs/security.md).
"""

from runtime.agents.capability import Capability, Risk
from runtime.agents.tool import OnInterrupt, SessionInfo, Tool, ToolContext, tool
from runtime.core.errors import (
    CallerError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    ToolError,
)
from runtime.core.event import FileWritten, SessionTitleUpdated, ToolOutputDelta, ToolProgress
from runtime.ports.files import File, FileEntry, LineMatch, Workspace
from runtime.ports.keys import KeyValue, KeyValues

__all__ = [
    "CallerError",
    "Capability",
    "ConflictError",
    "File",
    "FileEntry",
    "FileWritten",
    "ForbiddenError",
    "InvalidInputError",
    "KeyValue",
    "KeyValues",
    "LineMatch",
    "NotFoundError",
    "OnInterrupt",
    "Risk",
    "SessionInfo",
    "SessionTitleUpdated",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolOutputDelta",
    "ToolProgress",
    "Workspace",
    "tool",
]
