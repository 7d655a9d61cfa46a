"""What actors read of organisations' providers: how a model is called, and what organisations say of all models."""

from collections.abc import Mapping
from typing import Final

import msgspec

from runtime.core.ids import hex_of
from runtime.ports.providers import Opening, Policy
from runtime.ports.turnstile import CallLimits
from runtime.store.pool import Pool, translate
from runtime.store.rows import public_id
from runtime.store.tenant import Tenant

REVISION: Final = "SELECT revision FROM models_revision"
OPENING: Final = """
SELECT m.id, m.name, p.id AS provider_id, p.type, p.name AS provider_name, p.base_url, p.is_trusted, p.details,
    EXISTS (SELECT FROM secrets s WHERE s.org_id = p.org_id AND s.kind = 'provider' AND s.owner_id = p.id) AS has_key
FROM models m JOIN providers p ON p.org_id = m.org_id AND p.id = m.provider_id
WHERE m.org_id = current_org() AND m.id = $1 AND m.is_enabled AND p.status = 'active' AND NOT p.is_built_in
"""
# A model of the organisation's own that cannot be called any more is no default: the server's is, until another is
# chosen. Nor does it take over from others.
_CALLABLE: Final = """(c.model NOT LIKE 'model\\_%' OR EXISTS (
    SELECT FROM models m JOIN providers p ON p.org_id = m.org_id AND p.id = m.provider_id
    WHERE m.org_id = c.id AND 'model_' || replace(m.id::text, '-', '') = c.model AND m.is_enabled
        AND p.status = 'active'
))"""
DEFAULTS: Final = f"""
WITH c AS (
    SELECT id, settings::jsonb ->> 'default_model' AS model FROM organizations WHERE deleted_at IS NULL
)
SELECT id, model FROM c WHERE model IS NOT NULL AND {_CALLABLE}
"""
FALLBACKS: Final = f"""
WITH c AS (
    SELECT o.id, f.model, f.at FROM organizations o
    CROSS JOIN LATERAL jsonb_array_elements_text(o.settings::jsonb -> 'fallback_models')
        WITH ORDINALITY AS f (model, at)
    WHERE o.deleted_at IS NULL
)
SELECT id, array_agg(model ORDER BY at) AS models FROM c WHERE {_CALLABLE} GROUP BY id
"""
DISABLED: Final = """
SELECT org_id, id, 'provider' AS kind FROM providers WHERE is_built_in AND status = 'disabled'
UNION ALL
SELECT m.org_id, m.id, 'model' FROM models m JOIN providers p ON p.org_id = m.org_id AND p.id = m.provider_id
WHERE p.is_built_in AND NOT m.is_enabled
"""
LIMITS: Final = """
SELECT id, concurrent, requests_per_minute, tokens_per_minute FROM providers
WHERE coalesce(concurrent, requests_per_minute, tokens_per_minute) IS NOT NULL
"""


class EndpointStore:
    """Reads rows of all organisations (`runtime.ports.providers.Endpoints`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def revision(self) -> int:
        """Return the number that grows with every change."""
        with translate():
            number: int = await self._pool.fetchval(REVISION)
        return number

    async def policies(self) -> Mapping[str, Policy]:
        """Return what organisations say."""
        with translate():
            defaults = await self._pool.fetch(DEFAULTS)
            chains = await self._pool.fetch(FALLBACKS)
            rows = await self._pool.fetch(DISABLED)
        chosen = {public_id("org", row["id"]): row["model"] for row in defaults}
        fallbacks = {public_id("org", row["id"]): tuple(row["models"]) for row in chains}
        disabled: dict[str, set[str]] = {}
        for row in rows:
            disabled.setdefault(public_id("org", row["org_id"]), set()).add(public_id(row["kind"], row["id"]))
        return {
            org_id: Policy(chosen.get(org_id), fallbacks.get(org_id, ()), frozenset(disabled.get(org_id, ())))
            for org_id in chosen.keys() | fallbacks.keys() | disabled.keys()
        }

    async def limits(self) -> Mapping[str, CallLimits]:
        """Return the limits of providers that have any."""
        with translate():
            rows = await self._pool.fetch(LIMITS)
        return {
            public_id("provider", row["id"]): CallLimits(
                row["concurrent"], row["requests_per_minute"], row["tokens_per_minute"]
            )
            for row in rows
        }

    async def opening(self, org_id: str, model_id: str) -> Opening | None:
        """Return a model that may be called."""
        with translate():
            row = await Tenant(self._pool, org_id).fetchrow(OPENING, hex_of(model_id))
        if row is None:
            return None
        return Opening(
            model_id=public_id("model", row["id"]),
            name=row["name"],
            provider_id=public_id("provider", row["provider_id"]),
            type=row["type"],
            provider_name=row["provider_name"],
            base_url=row["base_url"],
            is_trusted=row["is_trusted"],
            has_key=row["has_key"],
            details=msgspec.json.decode(row["details"]),
        )
