"""What authors of capabilities import: this package and no other of Perdure's. It stays; what lies behind it may move.

- A capability: `Capability`, `Risk`.
- Its tools: `tool`, `Tool`, `OnInterrupt`, and `ToolError`, whose words the model reads.
- A call's surroundings: `ToolContext`, its `SessionInfo`, its `files` (`Workspace`, with `File`, `FileEntry`,
  `LineMatch`), its `keys` (`KeyValues`, with `KeyValue`), its `secrets` (`SessionSecrets`, with `SecretInfo`), the
  user's accounts elsewhere (`Connection`) and its way out (`Outbound`, with `OutboundRequest`, `OutboundReply`,
  `OutboundStream`): the only thing to give a URL to that a model came by. `Handle` is what its `Config` has in place of
  a secret.
- What files, secrets and the way out raise: `InvalidInputError`, `NotFoundError`, `ConflictError`, `ForbiddenError`,
  `LimitExceededError`, which all are a `CallerError`, and `AddressUnavailableError`. The model reads those words too,
  unless the tool catches them.
- What a tool may emit: `ToolProgress`, `ToolOutputDelta`, `FileWritten`, `SessionTitleUpdated`.

A name is added in a minor version, and removed or given another meaning in a major one only. Nothing is defined here.

A capability is trusted code: it runs in the session's process, with vendors' keys and every session that is there
(docs/security.md).
"""

from runtime.agents.capability import Capability, Risk
from runtime.agents.connection import Connection
from runtime.agents.tool import OnInterrupt, SessionInfo, Tool, ToolContext, tool
from runtime.agents.withholding import Handle
from runtime.core.errors import (
    AddressUnavailableError,
    CallerError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    ToolError,
)
from runtime.core.event import FileWritten, SessionTitleUpdated, ToolOutputDelta, ToolProgress
from runtime.ports.files import File, FileEntry, LineMatch, Workspace
from runtime.ports.keys import KeyValue, KeyValues
from runtime.ports.outbound import Outbound, OutboundReply, OutboundRequest, OutboundStream
from runtime.ports.secrets import SecretInfo, SessionSecrets

__all__ = [
    "AddressUnavailableError",
    "CallerError",
    "Capability",
    "ConflictError",
    "Connection",
    "File",
    "FileEntry",
    "FileWritten",
    "ForbiddenError",
    "Handle",
    "InvalidInputError",
    "KeyValue",
    "KeyValues",
    "LimitExceededError",
    "LineMatch",
    "NotFoundError",
    "OnInterrupt",
    "Outbound",
    "OutboundReply",
    "OutboundRequest",
    "OutboundStream",
    "Risk",
    "SecretInfo",
    "SessionInfo",
    "SessionSecrets",
    "SessionTitleUpdated",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolOutputDelta",
    "ToolProgress",
    "Workspace",
    "tool",
]
