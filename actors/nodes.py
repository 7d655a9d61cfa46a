"""The nodes of the cluster, as the supervisor knows them: where the next process goes, and who is gone.

Ray's SPREAD leaves nodes empty, and schedules onto a dead one for as long as it has not noticed.
"""

import asyncio
from collections import Counter
from typing import Any, Final

import ray
from ray._private import state

from actors.site import front_door_name
from runtime.core.placement.residency import choose_node

DOUBT_S: Final = 60.0  # as long as an untuned Ray takes to find that a silent node is dead
EMPTIED_DOUBT_S: Final = 600.0  # within which a node that is emptied is stopped
SHORT_DOUBT_S: Final = 10.0  # where it was told that a process died: had the node died too, that is told soon


class Nodes:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._alive: dict[str, dict[str, float]] = {}
        self._hosts: dict[str, str] = {}  # what the machines of nodes are called
        self._gone: frozenset[str] = frozenset()
        self._doubted_until: dict[str, float] = {}
        self._staying: set[str] = set()  # nodes where a process said that it stays …
        self._leaving_until: dict[str, float] = {}  # … or that it is being emptied, as nobody here has asked
        self._homes: dict[str, str] = {}  # of processes, by name, if known
        self._processes: Counter[str] = Counter()  # on each node
        self._bare: set[str] = set()  # of the living ones, those without any

    async def look(self) -> None:
        """Ask Ray what there is; of nodes, what was known stays if it cannot tell."""
        nodes: list[dict[str, Any]] = await asyncio.to_thread(ray.nodes)
        self._alive = {node["NodeID"]: node["Resources"] for node in nodes if node["Alive"]} or self._alive
        self._hosts = {node["NodeID"]: node["NodeManagerHostname"] for node in nodes} or self._hosts
        self._bare = {node for node in self._alive if not self._processes[node]}
        jobs: list[dict[str, Any]] = await asyncio.to_thread(state.jobs)
        self._gone = frozenset(front_door_name(job["JobID"]) for job in jobs if job["IsDead"])

    def __len__(self) -> int:
        return len(self._alive)

    def host(self, node_id: str) -> str | None:
        """Return what a node's machine is called, if that is known."""
        return self._hosts.get(node_id)

    def total(self, resource: str) -> int:
        """Return how much of a resource all living nodes have together."""
        return int(sum(resources.get(resource, 0) for resources in self._alive.values()))

    def is_gone(self, front_door: str) -> bool:
        """Tell whether a front door's process has died, alone or with its node."""
        return front_door in self._gone

    def doubt(self, node_id: str, for_s: float) -> None:
        """Hear that a process died there, or that the node is to be emptied: the next ones had better go elsewhere."""
        until = asyncio.get_running_loop().time() + for_s
        self._doubted_until[node_id] = max(until, self._doubted_until.get(node_id, 0.0))

    def heed(self, node_id: str, *, is_leaving: bool) -> None:
        """Hear whether a process was being emptied already when it was found there.

        Where all are, a supervisor that is no more may have been told to empty the node: the next ones had better go
        elsewhere for some time.
        """
        if is_leaving:
            self._leaving_until[node_id] = asyncio.get_running_loop().time() + EMPTIED_DOUBT_S
        else:
            self._staying.add(node_id)

    def settle(self, process: str, node_id: str) -> None:
        """Hear where a process is, or is being started; "" if nobody knows."""
        if self._homes.get(process) == node_id:
            return
        self.leave(process)
        self._homes[process] = node_id
        self._processes[node_id] += 1
        self._bare.discard(node_id)

    def leave(self, process: str) -> None:
        """Hear that a process is no more."""
        known = self._homes.pop(process, None)
        if known is not None:
            self._processes[known] -= 1
            if not self._processes[known] and known in self._alive:
                self._bare.add(known)

    def choose(self) -> str | None:
        """Return the node for the next process; None leaves it to Ray."""
        return choose_node(self._alive, self._processes, self._doubted())

    def bare(self) -> int:
        """Return how many nodes have no process though nothing speaks against one."""
        return len(self._bare.difference(self._doubted()))

    def _doubted(self) -> dict[str, float]:
        """Return until when each node is doubted."""
        now = asyncio.get_running_loop().time()
        doubted = dict(self._doubted_until)
        for node, until in self._leaving_until.items():
            if node not in self._staying:
                doubted[node] = max(until, doubted.get(node, 0.0))
        return {node: until for node, until in doubted.items() if until > now}
