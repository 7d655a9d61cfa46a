"""The live definitions of agents, harnesses and sessions, kept beside the sessions that run with them.

Each turn starts with the definitions as they are now. Asking costs one query, which answers only with what has
changed; sessions that ask at the same time share it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

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
from runtime.store.pool import Pool, translate
from runtime.wire.loader import Loader

MAX_KEPT: Final = 500

# $1 harnesses and $2 agents wanted, $3 and $4 the revisions that are known, $5 sessions and $6 their known revisions.
# Deleted ones come too: the turn says so. Sessions are named twice, lest the planner read all of them to join some.
CHANGED: Final = f"""
WITH RECURSIVE known AS (
    SELECT * FROM unnest($3::uuid[], $4::bigint[]) AS k (id, revision)
), chain (id, parent_id, depth) AS (
    SELECT id, parent_id, 1 FROM harnesses WHERE id = ANY($1::uuid[])
    UNION
    SELECT h.id, h.parent_id, c.depth + 1
    FROM harnesses h JOIN chain c ON h.id = c.parent_id WHERE c.depth < {MAX_DEPTH}
)
SELECT 'harness' AS kind, h.id, h.name, h.status, h.is_built_in, h.parent_id, NULL AS harness_id, h.revision,
    h.config, h.created_at, h.updated_at, h.archived_at
FROM harnesses h LEFT JOIN known k ON k.id = h.id
WHERE h.id IN (SELECT id FROM chain) AND h.revision IS DISTINCT FROM k.revision
UNION ALL
SELECT 'agent', a.id, a.name, a.status, false, NULL, a.harness_id, a.revision,
    a.config, a.created_at, a.updated_at, a.archived_at
FROM agents a LEFT JOIN known k ON k.id = a.id
WHERE a.id = ANY($2::uuid[]) AND a.revision IS DISTINCT FROM k.revision
UNION ALL
SELECT 'session', s.id, '', s.status, false, NULL, NULL, s.revision, s.config, s.created_at, s.updated_at, NULL
FROM sessions s JOIN unnest($5::uuid[], $6::bigint[]) AS o (id, revision) ON o.id = s.id
WHERE s.id = ANY($5::uuid[]) AND s.revision <> o.revision
"""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read so far, by public id. Never changed in place, since sessions go on reading it."""

    harnesses: Mapping[str, Harness] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
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
        revisions = {harness.id: harness.revision for harness in known.harnesses.values()}
        revisions |= {agent.id: agent.revision for agent in known.agents.values()}
        bindings = {hex_of(binding.session_id): known.latest(binding) for binding in wanted}
        with translate():
            rows = await self._pool.fetch(
                CHANGED,
                list({hex_of(binding.harness_id) for binding in wanted}),
                list({hex_of(binding.agent_id) for binding in wanted if binding.agent_id}),
                [hex_of(public_id) for public_id in revisions],
                list(revisions.values()),
                list(bindings),
                [binding.revision for binding in bindings.values()],
            )
        harnesses = [HARNESSES.read(row) for row in rows if row["kind"] == "harness"]
        agents = [AGENTS.read(row) for row in rows if row["kind"] == "agent"]
        sessions = [_renewed(bindings[row["id"].hex], row) for row in rows if row["kind"] == "session"]
        self._known = _Known(
            {**known.harnesses, **{harness.id: harness for harness in harnesses}},
            {**known.agents, **{agent.id: agent for agent in agents}},
            {**known.sessions, **{binding.session_id: binding for binding in sessions}},
        )
        return [self._known] * len(wanted)

    def _compose(self, binding: Binding, known: _Known) -> RuntimeAgent:
        binding = known.latest(binding)
        chain = lineage(binding.harness_id, known.harnesses)
        agent = known.agents.get(binding.agent_id) if binding.agent_id else None
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


def _renewed(binding: Binding, row: asyncpg.Record) -> Binding:
    return replace(binding, definition=_definition.decode(row["config"]), revision=row["revision"])


def _are_same(some: Sequence[Harness], others: Sequence[Harness]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


_definition: Final = msgspec.json.Decoder(SessionDefinition)
