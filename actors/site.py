"""One deployment in a Ray cluster: what its actors are told, their names and their Ray options."""

from typing import Any, Final

import ray

from runtime.core.wire import Wire
from runtime.process.settings import Settings

SUPERVISOR: Final = "supervisor"
CALLS_AT_ONCE: Final = 10_000  # Ray's limit on an async actor's unfinished calls; ours wait in queues of their own


class Site(Wire, frozen=True):
    """What every actor of a deployment is told. Deployments are told apart by their database."""

    deployment: str
    settings: Settings
    dsn: str
    cluster: str  # names the Ray cluster, the same after it was started anew

    @property
    def namespace(self) -> str:
        """The Ray namespace of this deployment's actors."""
        return f"perdure-{self.deployment}"

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


def find_supervisor(site: Site) -> Any:
    """Return the supervisor's handle. Raises ValueError if there is none."""
    return ray.get_actor(SUPERVISOR, namespace=site.namespace)


def front_door_name(job_id: str | None = None) -> str:
    """Return the name of the front door that is a certain job of Ray, or that this process is. No two have the same."""
    return f"front-door-{job_id or ray.get_runtime_context().get_job_id()}"
