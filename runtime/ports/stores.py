"""All that is kept of what people make and sessions do, together: what routes and use cases are given."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from runtime.ports.authored import Agents, Harnesses, Workspaces
from runtime.ports.events import Events
from runtime.ports.files import Workspace
from runtime.ports.images import Images
from runtime.ports.keys import ListedKeys
from runtime.ports.providers import Providers
from runtime.ports.quarantine import Quarantine
from runtime.ports.secrets import KeyUses, Kind, LayerSecrets, Secrets
from runtime.ports.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Stores:
    """Where what is of one organisation is kept. `files` opens a workspace by its id.

    `session_keys` and `session_secrets` are those of a session, by its id; `connections` are whoever asks's accounts
    elsewhere, `layer_secrets` those of a definition, by its kind and owner, `secret_keys` tell which keys seal all of
    these. What is done in a block of `together`, one thing after the other, is done as a whole or not at all.
    """

    agents: Agents
    harnesses: Harnesses
    workspaces: Workspaces
    sessions: Sessions
    quarantine: Quarantine
    events: Events
    providers: Providers
    files: Callable[[str], Workspace]
    images: Images
    session_keys: Callable[[str], ListedKeys]
    session_secrets: Callable[[str], Secrets]
    connections: Secrets
    layer_secrets: Callable[[Kind, str], LayerSecrets]
    secret_keys: KeyUses
    together: Callable[[], AbstractAsyncContextManager[None]]
