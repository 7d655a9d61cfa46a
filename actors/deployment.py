"""A deployment's actors, from outside: started, joined and ended by whoever serves it."""

import asyncio
from typing import Any, Final

import ray
import structlog
from ray._common.constants import HEAD_NODE_RESOURCE_NAME
from ray.exceptions import RayActorError, RayError, RayTaskError

from actors.member import new_name, spawn
from actors.site import SUPERVISOR, Site
from actors.supervisor import SupervisorActor
from runtime.core.errors import ConflictError, PerdureError

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT_S: Final = 15.0
# Nobody outlives Ray's head, so whoever is there dies of no other node's death. It takes Ray seconds to notice that
# a node fell silent, and only then would it start the supervisor again: too long for what waits to be revived.
ON_THE_HEAD: Final = {HEAD_NODE_RESOURCE_NAME: 0.001}


async def start(site: Site) -> Any:
    """Start the supervisor, and the first session actors beside it, which it finds by name; return its handle."""
    supervisor = await join(site)
    for _ in range(site.settings.actors.warm_standbys):
        await asyncio.to_thread(spawn, site, new_name())
    return supervisor


async def join(site: Site) -> Any:
    """Return the handle of the deployment's supervisor, starting it if there is none. Ray restarts it for ever."""
    options = site.options(SUPERVISOR, max_restarts=-1) | {"get_if_exists": True, "resources": ON_THE_HEAD}
    return await asyncio.to_thread(lambda: ray.remote(SupervisorActor).options(**options).remote(site))


async def ready(supervisor: Any) -> None:
    """Return once the supervisor can place a session.

    Raises:
        PerdureError: it cannot; the words say why.
    """
    try:
        await supervisor.ready.remote()
    except RayTaskError as err:
        if isinstance(err.cause, PerdureError):
            raise err.cause from err
        raise
    except RayActorError as err:
        message = "The supervisor died while it started: what it logged says why. Start again when that is mended."
        raise ConflictError(message, "supervisor_died") from err


async def close(supervisor: Any) -> None:
    """Have every session actor stop where it stands."""
    try:
        await asyncio.wait_for(supervisor.close.remote(), CLOSE_TIMEOUT_S)
    except (RayError, TimeoutError) as err:
        log.warning("supervisor_not_closed", reason=type(err).__name__)


def node_id() -> str:
    """Return the id of the Ray node that this process is on."""
    return str(ray.get_runtime_context().get_node_id())


def node_count() -> int:
    """Return how many nodes Ray has now."""
    return sum(node["Alive"] for node in ray.nodes())  # type: ignore[no-untyped-call]
