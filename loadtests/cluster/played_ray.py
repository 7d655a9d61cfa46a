"""Ray as the product calls it, played: nodes that are always there, and actors in the benchmark's processes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import ray
from ray._private import state

from actors import member
from actors.site import SUPERVISOR
from loadtests.cluster.line import Handle, Line, Method
from loadtests.cluster.plan import COMPANIES, Plan, node_id

CPUS: Final = 32
MEMORY_BYTES: Final = 128 << 30
HEAD: Final = "head"
COMPANY_SOCKET: Final = "company-{}"
SUPERVISOR_SOCKET: Final = "supervisor"
ANSWER_MOST_S: Final = 60.0


class ActorHandle(Handle):
    """The handle of a session actor. Of its death Ray tells late; here never, for the connection does at once."""

    @property
    def alive(self) -> Method:
        """The call that is never answered."""
        return _Never(self._line, "alive", self.bound)


class _Never(Method):
    def remote(self, *_: Any) -> Awaitable[Any]:
        return asyncio.Event().wait()


class PlayedRay:
    """Belongs to one event loop, but its functions are called in threads, as Ray's are."""

    def __init__(self, plan: Plan, *, namespace: str, job_id: str) -> None:
        self._plan = plan
        self._namespace = namespace
        self._loop = asyncio.get_running_loop()
        self._companies = [Line(plan.socket(COMPANY_SOCKET.format(number))) for number in range(COMPANIES)]
        self._nodes: dict[str, str] = {}  # of actors
        context = SimpleNamespace(get_job_id=lambda: job_id, get_node_id=lambda: HEAD, get_actor_id=lambda: None)
        self._played: dict[ModuleType, dict[str, Callable[..., Any]]] = {
            ray: {
                "init": lambda **_: SimpleNamespace(address_info={"gcs_address": "played"}, dashboard_url=None),
                "shutdown": lambda **_: None,
                "nodes": self._alive,
                "remote": lambda _kind: self,
                "get_actor": self._get_actor,
                "kill": self._kill,
                "get_runtime_context": lambda: context,
            },
            state: {"jobs": list},
            member: {"list_named_actors": self._list_named_actors},
        }

    def install(self) -> None:
        """Put it in Ray's place, in this process."""
        for module, functions in self._played.items():
            for name, function in functions.items():
                setattr(module, name, function)

    # ------------------------------------------------------------ ray.remote(kind).options(…).remote(…)

    def options(self, *, name: str, scheduling_strategy: Any = None, **_: Any) -> SimpleNamespace:
        """Return what creates an actor of that name, which lives from its first call on."""
        node = getattr(scheduling_strategy, "node_id", node_id(0))
        return SimpleNamespace(remote=lambda *_: self._handle(name, node))

    def _handle(self, name: str, node: str) -> Handle:
        if name == SUPERVISOR:
            return Handle(Line(self._plan.socket(SUPERVISOR_SOCKET)))
        self._nodes[name] = node
        return ActorHandle(self._companies[self._plan.company_of(node)], name, node)

    # ------------------------------------------------------------ Ray's functions

    def _alive(self) -> list[dict[str, Any]]:
        names = [node_id(number) for number in range(self._plan.scale.nodes)]
        resources = {"CPU": CPUS, "memory": MEMORY_BYTES}
        return [{"NodeID": n, "NodeManagerHostname": n, "Alive": True, "Resources": resources} for n in names]

    def _list_named_actors(self, *, all_namespaces: bool) -> list[dict[str, str]]:
        if not all_namespaces:
            message = "Ray is played here without a current namespace, of which the product did not ask."
            raise ValueError(message)
        living = self._wait_for([company.call("living") for company in self._companies])
        self._nodes = {name: node for names in living for name, node in names.items()}
        return [{"name": name, "namespace": self._namespace} for name in self._nodes]

    def _wait_for(self, calls: Sequence[Awaitable[Any]]) -> list[Any]:
        async def gathered() -> list[Any]:
            return await asyncio.gather(*calls)

        return asyncio.run_coroutine_threadsafe(gathered(), self._loop).result(ANSWER_MOST_S)

    def _get_actor(self, name: str, namespace: str) -> Handle:
        if namespace != self._namespace or (name != SUPERVISOR and name not in self._nodes):
            message = f"no actor {name}"
            raise ValueError(message)
        return self._handle(name, self._nodes.get(name, ""))

    def _kill(self, handle: Handle, *, no_restart: bool) -> None:
        if not no_restart:
            message = "Ray is played here without restarts, which the product did not let it make."
            raise ValueError(message)
        self._loop.call_soon_threadsafe(handle.close.remote)
