"""The live definitions of agents, harnesses and sessions, kept beside the sessions that run with them.

Each turn starts with the definitions as they are now. Asking costs one query, which answers only with what has
changed; sessions that ask at the same time share it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
import msgspec

from runtime.agents.capability import Registry
from runtime.agents.composition import RuntimeAgent, compose
from runtime.agents.live import Binding
from runtime.core.authored.definition import Agent, Harness, SessionDefinition
from runtime.core.authored.lineage import MAX_DEPTH, lineage
from runtime.core.errors import NotFoundError
from runtime.core.ids import hex_of
from runtime.store.agents import AGENTS
from runtime.store.harnesses import HARNESSES
from runtime.store.kind import Kind
from runtime.store.pool import Pool, translate
from runtime.wire.loader import Loader

MAX_KEPT: Final = 500

T = TypeVar("T")

# $1 and $2 harnesses wanted, each with its organisation, $3 and $4 agents; $5 to $8 the revisions that are known, with
# the kind of each; $9 sessions and $10 their known revisions. Deleted ones come too: the turn says so. Sessions are
# named twice, lest the planner read all of them to join some.
CHANGED: Final = f"""
WITH RECURSIVE known AS (
    SELECT * FROM unnest($5::text[], $6::uuid[], $7::uuid[], $8::bigint[]) AS k (kind, org_id, id, revision)
), chain (org_id, id, parent_id, depth) AS (
    SELECT h.org_id, h.id, h.parent_id, 1
    FROM unnest($1::uuid[], $2::uuid[]) AS w (org_id, id) JOIN harnesses h ON h.org_id = w.org_id AND h.id = w.id
    UNION
    SELECT h.org_id, h.id, h.parent_id, c.depth + 1
    FROM harnesses h JOIN chain c ON h.org_id = c.org_id AND h.id = c.parent_id WHERE c.depth < {MAX_DEPTH}
)
SELECT 'harness' AS kind, h.org_id, h.id, h.name, h.status, h.is_built_in, h.parent_id, NULL AS harness_id, h.revision,
    h.config, h.created_at, h.updated_at, h.archived_at
FROM (SELECT DISTINCT org_id, id FROM chain) AS c JOIN harnesses h ON h.org_id = c.org_id AND h.id = c.id
    LEFT JOIN known k ON k.kind = 'harness' AND k.org_id = h.org_id AND k.id = h.id
WHERE h.revision IS DISTINCT FROM k.revision
UNION ALL
SELECT 'agent', a.org_id, a.id, a.name, a.status, false, NULL, a.harness_id, a.revision,
    a.config, a.created_at, a.updated_at, a.archived_at
FROM unnest($3::uuid[], $4::uuid[]) AS w (org_id, id) JOIN agents a ON a.org_id = w.org_id AND a.id = w.id
    LEFT JOIN known k ON k.kind = 'agent' AND k.org_id = a.org_id AND k.id = a.id
WHERE a.revision IS DISTINCT FROM k.revision
UNION ALL
SELECT 'session', s.org_id, s.id, '', s.status, false, NULL, NULL, s.revision, s.config, s.created_at, s.updated_at,
    NULL
FROM sessions s JOIN unnest($9::uuid[], $10::bigint[]) AS o (id, revision) ON o.id = s.id
WHERE s.id = ANY($9::uuid[]) AND s.revision <> o.revision
"""

Key: TypeAlias = tuple[str, str]  # an organisation and the id of something in it, as hex


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read so far. Never changed in place, since sessions go on reading it."""

    harnesses: Mapping[Key, Harness] = field(default_factory=dict)
    agents: Mapping[Key, Agent] = field(default_factory=dict)
    sessions: Mapping[str, Binding] = field(default_factory=dict)  # those that were changed since they were loaded

    def __len__(self) -> int:
        return len(self.harnesses) + len(self.agents) + len(self.sessions)

    def latest(self, binding: Binding) -> Binding:
        """Return what a session is bound to, with the newest definition that was read."""
        return max(binding, self.sessions.get(binding.session_id, binding), key=lambda known: known.revision)


@dataclass(frozen=True, slots=True)
class _Composed:
    chain: tuple[Harness, ...]
    agent: Agent | None
    definition: SessionDefinition
    result: RuntimeAgent


class Definitions:
    """Composes what sessions run with (`runtime.agents.live.Composer`). One for each actor."""

    def __init__(self, pool: Pool, registry: Registry) -> None:
        self._pool = pool
        self._registry = registry
        self._known = _Known()
        self._composed: dict[str, _Composed] = {}
        self._loader = Loader(self._refresh, MAX_KEPT)

    async def load(self, binding: Binding) -> RuntimeAgent:
        """Return the composed agent; sessions that ask at the same time share one query.

        Raises:
            InvalidInputError: the harness or agent was archived or deleted; the words are for the user.
            NotFoundError: there never was such a harness or agent.
            StoreUnavailableError: the database is away.
        """
        return self._compose(binding, await self._loader.load(binding))

    async def _refresh(self, wanted: Sequence[Binding]) -> list[_Known]:
        known = self._known if len(self._known) < MAX_KEPT else _Known()
        revisions = [("harness", *key, harness.revision) for key, harness in known.harnesses.items()]
        revisions += [("agent", *key, agent.revision) for key, agent in known.agents.items()]
        harnesses = {_key(binding.org_id, binding.harness_id) for binding in wanted}
        agents = {_key(binding.org_id, binding.agent_id) for binding in wanted if binding.agent_id}
        bindings = {hex_of(binding.session_id): known.latest(binding) for binding in wanted}
        with translate():
            rows = await self._pool.fetch(
                CHANGED,
                *_columns(harnesses, 2),
                *_columns(agents, 2),
                *_columns(revisions, 4),
                list(bindings),
                [binding.revision for binding in bindings.values()],
            )
        sessions = [_renewed(bindings[row["id"].hex], row) for row in rows if row["kind"] == "session"]
        self._known = _Known(
            {**known.harnesses, **_read(HARNESSES, rows)},
            {**known.agents, **_read(AGENTS, rows)},
            {**known.sessions, **{binding.session_id: binding for binding in sessions}},
        )
        return [self._known] * len(wanted)

    def _compose(self, binding: Binding, known: _Known) -> RuntimeAgent:
        binding = known.latest(binding)
        org_id = binding.org_id
        chain = lineage(binding.harness_id, lambda harness_id: known.harnesses.get(_key(org_id, harness_id)))
        agent = known.agents.get(_key(org_id, binding.agent_id)) if binding.agent_id else None
        if binding.agent_id and agent is None:
            raise NotFoundError("agent", binding.agent_id)
        last = self._composed.get(binding.session_id)
        if last and _are_same(last.chain, chain) and last.agent is agent and last.definition is binding.definition:
            return last.result
        result = compose(chain, agent, binding.definition, self._registry)
        if len(self._composed) >= MAX_KEPT:
            self._composed.clear()
        self._composed[binding.session_id] = _Composed(chain, agent, binding.definition, result)
        return result


def _key(org_id: str, public_id: str) -> Key:
    return hex_of(org_id), hex_of(public_id)


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    listed = list(rows)
    return [[row[column] for row in listed] for column in range(width)]


def _read(kind: Kind[T], rows: Sequence[asyncpg.Record]) -> dict[Key, T]:
    return {(row["org_id"].hex, row["id"].hex): kind.read(row) for row in rows if row["kind"] == kind.name}


def _renewed(binding: Binding, row: asyncpg.Record) -> Binding:
    return replace(binding, definition=_definition.decode(row["config"]), revision=row["revision"])


def _are_same(some: Sequence[Harness], others: Sequence[Harness]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


_definition: Final = msgspec.json.Decoder(SessionDefinition)
