"""One deployment in a Ray cluster: what its actors are told, their names and their Ray options."""

from base64 import b64encode
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
import ray

from actors.sealing import seal, unseal
from runtime.core.wire import Wire
from runtime.models.vendors import VARIABLES
from runtime.process.redaction import PROCESS, held
from runtime.process.settings import Settings
from runtime.vault.keyring import Key, Keyring

SUPERVISOR: Final = "supervisor"
CALLS_AT_ONCE: Final = 10_000  # Ray's limit on an async actor's unfinished calls; ours wait in queues of their own


class Site(Wire, frozen=True):
    """What every actor of a deployment is told. Deployments are told apart by their database.

    On its way through Ray all that is secret of it is sealed: the database's address, vendors' keys, keys of secrets.
    The other secrets of the settings stay behind.
    """

    deployment: str
    settings: Settings
    dsn: str
    cluster: str  # names the Ray cluster, the same after it was started anew
    keys: Keyring | None = None  # of secrets; nobody who runs tools has them

    def __repr__(self) -> str:
        """Leave out all that is secret."""
        return f"Site({self.deployment})"

    def hold(self) -> None:
        """Have this process hide from its log what is secret here."""
        password = urlsplit(self.dsn).password
        keys = [b64encode(key.material).decode() for key in (self.keys.keys if self.keys else ())]
        vendors = [value for name, value in self.settings.environment.items() if name.endswith("_API_KEY")]
        held.hold(PROCESS, [*keys, *vendors, *([unquote(password)] if password else [])])

    def __reduce__(self) -> tuple[Any, ...]:
        environment = {name: value for name, value in self.settings.environment.items() if name in VARIABLES}
        secrets = _Secrets(self.dsn, environment, () if self.keys is None else self.keys.keys)
        bare = msgspec.structs.replace(self, dsn="", keys=None)
        return _opened, (msgspec.structs.astuple(bare), seal(msgspec.json.encode(secrets)))

    @property
    def namespace(self) -> str:
        """The Ray namespace of this deployment's actors."""
        return f"perdure-{self.deployment}"

    def for_tools(self) -> "Site":
        """Return what processes are told that run tools: no key."""
        return msgspec.structs.replace(self, keys=None)

    def options(self, name: str, *, max_restarts: int) -> dict[str, Any]:
        """Return the Ray options of an actor: detached, for it outlives whoever started it."""
        return {
            "name": name,
            "namespace": self.namespace,
            "lifetime": "detached",
            "num_cpus": 0,
            "max_concurrency": CALLS_AT_ONCE,
            "max_restarts": max_restarts,
            "max_task_retries": 0,
        }


class _Secrets(msgspec.Struct, frozen=True):
    dsn: str
    environment: dict[str, str]
    keys: tuple[Key, ...]


def _opened(values: tuple[Any, ...], sealed: bytes) -> Site:
    secrets = msgspec.json.decode(unseal(sealed), type=_Secrets)
    site = Site(**dict(zip(Site.__struct_fields__, values, strict=False)))
    return msgspec.structs.replace(
        site,
        dsn=secrets.dsn,
        settings=site.settings.with_environment(secrets.environment),
        keys=Keyring(*secrets.keys) if secrets.keys else None,
    )


def find_supervisor(site: Site) -> Any:
    """Return the supervisor's handle. Raises ValueError if there is none."""
    return ray.get_actor(SUPERVISOR, namespace=site.namespace)


def front_door_name(job_id: str | None = None) -> str:
    """Return the name of the front door that is a certain job of Ray, or that this process is. No two have the same."""
    return f"front-door-{job_id or ray.get_runtime_context().get_job_id()}"
