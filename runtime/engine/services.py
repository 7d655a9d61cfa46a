"""What a session needs around it, and the numbers it goes by. Built once per process, in `wiring`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from runtime.agents.live import Composer
from runtime.core.authored.network import Reach
from runtime.engine.album import Album
from runtime.ports.files import Workspace
from runtime.ports.images import ShownImages
from runtime.ports.journal import JournalStore, JournalWriter
from runtime.ports.keys import KeyValues
from runtime.ports.model import Model, Models
from runtime.ports.outbound import Outbound
from runtime.ports.secrets import Connections, SessionSecrets


@dataclass(frozen=True, slots=True)
class Tunables:
    """The engine's numbers. Times are in seconds."""

    delta_interval_s: float = 0.05
    client_tool_timeout_s: float = 300.0
    decision_timeout_s: float = 86_400.0
    tool_timeout_s: float = 600.0
    tool_result_bytes: int = 1_000_000
    tools_at_once: int = 16
    calls_per_answer: int = 128
    answer_limit_bytes: int = 4_000_000
    model_call_s: float = 1800.0
    model_attempts: int = 5
    attempts_before_fallback: int = 2
    fallback_models: tuple[str, ...] = ()  # of sessions whose layers name none
    retry_first_s: float = 0.5
    retry_most_s: float = 30.0
    snapshot_every_events: int = 200


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside that a session calls on. Files, keys and secrets are opened by their organisation and id.

    `images` are what the messages of a session may show, `album` what was shown of them; `connections` are a user's, by
    the third id; `outbound` is the way out, for whoever may reach so far.
    """

    journal: JournalWriter
    store: JournalStore
    composer: Composer
    models: Models
    model: Model
    workspace: Callable[[str, str], Workspace]
    images: Callable[[str, str], ShownImages]
    keys: Callable[[str, str], KeyValues]
    secrets: Callable[[str, str], SessionSecrets]
    connections: Callable[[str, str, str], Connections]
    outbound: Callable[[Reach], Outbound]
    tunables: Tunables
    album: Album = field(default_factory=Album)
