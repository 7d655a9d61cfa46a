"""The cluster at a glance, and its session actors, told to those who operate it."""

import asyncio
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from actors.doors import Doors
from actors.member import Member, MemberState
from actors.pool import Pool
from runtime.core.metrics.ring import Levels
from runtime.core.placement.directory import Directory
from runtime.core.placement.residency import Company
from runtime.ports.operations import Overview, Worker

ORGS_MOST: Final = 20  # of which it is told how many of their sessions are in quarantine


class Census:
    """Counts what the supervisor knows, when asked: of actors there are thousands, and nobody asks often."""

    def __init__(self, pool: Pool, directory: Directory, doors: Doors, started_at: str) -> None:
        self._pool = pool
        self._directory = directory
        self._doors = doors
        self._started_at = started_at

    def overview(self, quarantined: Mapping[str, int] | None) -> Overview:
        """Return the cluster at a glance; `quarantined` is what the database says, by organisation."""
        members, limits = self._pool.members.values(), self._pool.limits
        ready = [member for member in members if member.state is MemberState.READY]
        return Overview(
            started_at=self._started_at,
            nodes=len(self._pool.nodes),
            front_doors=len(self._doors.infos()),
            ready=len(ready),
            starting=_count(members, MemberState.STARTING),
            draining=_count(members, MemberState.DRAINING),
            standby=sum(not self._directory.count(member.name) for member in ready),
            max_actors=limits.max_actors,
            capacity=len(ready) * limits.sessions_per_actor,
            sessions=len(self._directory),
            waiting=len(self._pool.queue),
            quarantined=None if quarantined is None else sum(quarantined.values()),
            quarantined_in=dict(islice((quarantined or {}).items(), ORGS_MOST)),
        )

    def levels(self) -> Levels:
        """Return how much there is of what is counted."""
        up = [member for member in self._pool.members.values() if member.pid is not None]
        return Levels(
            actors=len(up),
            sessions=len(self._directory),
            running=sum(member.vitals.running for member in up),
            waiting=len(self._pool.queue),
            streams=self._doors.streams,
        )

    def workers(self, offset: int, limit: int, *, is_draining: bool | None) -> tuple[list[Worker], int]:
        """Return some of the session actors that are up, and how many there are of that kind."""
        chosen = [
            member
            for member in self._pool.members.values()
            if member.pid is not None and is_draining in (None, member.state is MemberState.DRAINING)
        ]
        return [self._worker(member) for member in chosen[offset : offset + limit]], len(chosen)

    def _worker(self, member: Member) -> Worker:
        sessions, most = self._directory.count(member.name), self._pool.limits.sessions_per_actor
        return Worker(
            actor=member.info(sessions),
            host=self._pool.nodes.host(member.node_id),
            max_sessions=most,
            is_draining=member.state is MemberState.DRAINING,
            backpressure=_backpressure(member, is_full=sessions >= most),
            turns_completed=member.counts.turns_completed,
            turns_failed=member.counts.turns_failed,
            turn_ms=member.counts.turn_ms,
        )


def _backpressure(member: Member, *, is_full: bool) -> str | None:
    """Return why an actor does not take on just any session; None if it does."""
    if member.state is MemberState.DRAINING:
        return "draining"
    if member.open_to(asyncio.get_running_loop().time()) is not Company.ANYBODY:
        return "kept_for_suspects"
    return "full" if is_full else None


def _count(members: Iterable[Member], state: MemberState) -> int:
    return sum(member.state is state for member in members)
