"""An organisation's providers and their models. Keys are sealed before they come to a statement."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
import msgspec

from runtime.core.errors import ConflictError, NotFoundError
from runtime.core.ids import hex_of, is_id
from runtime.ports.model import Endpoint
from runtime.ports.providers import API_KEY, KeptModel, Provider, Synced
from runtime.ports.secrets import Kind
from runtime.ports.turnstile import CallLimits
from runtime.ports.vault import Vault
from runtime.store.pool import translate
from runtime.store.rows import check_storable, public_id, rfc3339
from runtime.store.secrets import OwnedSecrets
from runtime.store.tenant import Tenant

_KEYS: Final = f"kind = '{Kind.PROVIDER}' AND owner_id"
_LIMITS: Final = ("concurrent", "requests_per_minute", "tokens_per_minute")
_PROVIDER: Final = f"""id, type, name, is_built_in, base_url, is_trusted, details, trace, {", ".join(_LIMITS)}, status,
    last_synced_at, created_at, updated_at,
    EXISTS (SELECT FROM secrets WHERE secrets.org_id = current_org() AND {_KEYS} = providers.id) AS api_key_set"""
_MODEL: Final = """id, provider_id, name, display_name, source, capabilities, is_enabled, is_favorite, is_stale,
    created_at, updated_at"""
_OURS: Final = "org_id = current_org()"
LIST: Final = f"SELECT {_PROVIDER} FROM providers WHERE {_OURS} ORDER BY lower(name)"
GET: Final = f"SELECT {_PROVIDER} FROM providers WHERE {_OURS} AND id = $1"
INSERT: Final = f"""
INSERT INTO providers (
    org_id, id, type, name, is_built_in, base_url, is_trusted, details, trace, status, {", ".join(_LIMITS)}
)
VALUES (current_org(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING {_PROVIDER}
"""
NOTE: Final = """
INSERT INTO providers (org_id, id, type, name, is_built_in) VALUES (current_org(), $1, $2, $3, true)
ON CONFLICT (org_id, id) DO NOTHING
"""
DELETE: Final = f"""
WITH keys AS (DELETE FROM secrets WHERE {_OURS} AND {_KEYS} = $1)
DELETE FROM providers WHERE {_OURS} AND id = $1 RETURNING id
"""
MODELS: Final = f"""
SELECT {_MODEL} FROM models WHERE {_OURS} AND ($1::uuid IS NULL OR provider_id = $1) ORDER BY lower(display_name), id
"""
MODEL: Final = f"SELECT {_MODEL} FROM models WHERE {_OURS} AND id = $1"
IS_DISABLED: Final = f"""
SELECT EXISTS (SELECT FROM providers WHERE {_OURS} AND id = ANY($1::uuid[]) AND status = 'disabled')
    OR EXISTS (SELECT FROM models WHERE {_OURS} AND id = ANY($1::uuid[]) AND NOT is_enabled)
"""
# $1 an id of a model, $2 one of a provider, $3 the provider's name, $4 the model's name, $5 it without a provider.
FIND: Final = f"""
SELECT {", ".join(f"m.{name.strip()}" for name in _MODEL.split(","))}
FROM models m JOIN providers p ON p.org_id = m.org_id AND p.id = m.provider_id
WHERE m.org_id = current_org() AND NOT p.is_built_in AND m.is_enabled AND p.status = 'active'
    AND (m.id = $1 OR m.name = $5 OR m.name = $4 AND (p.id = $2 OR lower(p.name) = lower($3)))
ORDER BY m.id IS NOT DISTINCT FROM $1 DESC, m.created_at, m.id LIMIT 1
"""
ADD_MODEL: Final = f"""
INSERT INTO models (org_id, id, provider_id, name, display_name, source, capabilities, is_enabled, is_favorite)
VALUES (current_org(), $1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_MODEL}
"""
NOTE_MODEL: Final = """
INSERT INTO models (org_id, id, provider_id, name, display_name, source) VALUES (current_org(), $1, $2, $3, $4, $5)
ON CONFLICT (org_id, id) DO NOTHING
"""
DELETE_MODEL: Final = f"DELETE FROM models WHERE {_OURS} AND id = $1 RETURNING id"
# What is listed again is not stale, and keeps what people said of it.
SEEN: Final = """
INSERT INTO models AS m (org_id, id, provider_id, name, display_name, source, capabilities)
SELECT current_org(), f.id, $1, f.name, f.display_name, 'discovered', f.capabilities
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS f (id, name, display_name, capabilities)
ON CONFLICT (org_id, provider_id, name) DO UPDATE SET is_stale = false, updated_at = now()
RETURNING (xmax = 0) AS is_new
"""
MISSED: Final = f"""
UPDATE models SET is_stale = true, updated_at = now()
WHERE {_OURS} AND provider_id = $1 AND source = 'discovered' AND name <> ALL($2::text[])
RETURNING id
"""
SYNCED: Final = f"UPDATE providers SET last_synced_at = now() WHERE {_OURS} AND id = $1"
_COLUMNS: Final = frozenset({"name", "base_url", "is_trusted", "status", "details", "trace", *_LIMITS})
_MODEL_COLUMNS: Final = frozenset({"name", "display_name", "capabilities", "is_enabled", "is_favorite", "provider_id"})


class ProviderStore:
    """The providers of one organisation (`runtime.ports.providers.Providers`)."""

    def __init__(self, tenant: Tenant, vault: Vault) -> None:
        self._tenant = tenant
        self._vault = vault

    async def list(self) -> Sequence[Provider]:
        """Return them all, by name."""
        with translate():
            return [_provider(row) for row in await self._tenant.fetch(LIST)]

    async def get(self, provider_id: str) -> Provider:
        """Return one."""
        with translate():
            row = await self._tenant.fetchrow(GET, hex_of(provider_id))
        return _provider(_found(row, "provider", provider_id))

    async def create(self, provider: Provider, api_key: str | None) -> Provider:
        """Keep a new one."""
        check_storable("name", provider.name)
        named = (hex_of(provider.id), provider.type, provider.name, provider.is_built_in)
        reached = (provider.base_url, provider.is_trusted, _json(provider.details))
        said = (_json(provider.trace), provider.status, *_numbers(provider.limits))
        async with self._tenant.together():
            await self._keep(provider.id, api_key)
            with _named("provider"):
                row = await self._tenant.fetchrow(INSERT, *named, *reached, *said)
        return _provider(row)

    async def change(self, provider_id: str, changes: Mapping[str, Any], api_key: str | None = None) -> Provider:
        """Change columns by name, and the key if one is given; an empty one takes it away. Both or neither is seen."""
        columns = dict(changes)
        columns |= {name: _json(columns[name]) for name in ("details", "trace") if name in columns}
        if "limits" in columns:
            columns |= zip(_LIMITS, _numbers(columns.pop("limits")), strict=True)
        statement = _update("providers", columns, _COLUMNS, _PROVIDER)
        async with self._tenant.together():
            await self.get(provider_id)
            await self._keep(provider_id, api_key)  # first: what follows tells whether there is one
            with _named("provider"):
                row = await self._tenant.fetchrow(statement, hex_of(provider_id), *columns.values())
        return _provider(_found(row, "provider", provider_id))

    async def note(self, provider: Provider) -> None:
        """Have a row for a built-in provider, if there is none."""
        with _named("provider"):
            await self._tenant.execute(NOTE, hex_of(provider.id), provider.type, provider.name)

    async def delete(self, provider_id: str) -> None:
        """Forget one with its models."""
        with translate():
            _found(await self._tenant.fetchval(DELETE, hex_of(provider_id)), "provider", provider_id)

    async def endpoint(self, provider: Provider) -> Endpoint:
        """Return how it is called, with its key."""
        api_key = await self._keys(provider.id).reveal(API_KEY)
        return Endpoint(provider.type, provider.name, provider.base_url, api_key, provider.is_trusted, provider.details)

    async def is_disabled(self, ids: Sequence[str]) -> bool:
        """Tell whether one of these providers or models is disabled."""
        with translate():
            found: bool = await self._tenant.fetchval(IS_DISABLED, [hex_of(one) for one in ids])
        return found

    async def find_model(self, key: str) -> KeptModel:
        """Return a model that may be called, of no built-in provider."""
        check_storable("model", key)
        provider, _, name = key.partition(":")
        with translate():
            row = await self._tenant.fetchrow(
                FIND,
                hex_of(key) if is_id("model", key) else None,
                hex_of(provider) if is_id("provider", provider) else None,
                provider,
                name,
                key,
            )
        return _model(_found(row, "model", key))

    async def models(self, provider_id: str | None = None) -> Sequence[KeptModel]:
        """Return the models that have rows."""
        with translate():
            rows = await self._tenant.fetch(MODELS, hex_of(provider_id) if provider_id else None)
        return [_model(row) for row in rows]

    async def model(self, model_id: str) -> KeptModel:
        """Return one."""
        with translate():
            row = await self._tenant.fetchrow(MODEL, hex_of(model_id))
        return _model(_found(row, "model", model_id))

    async def add_model(self, model: KeptModel) -> KeptModel:
        """Keep a new one."""
        check_storable("name", model.name)
        check_storable("display name", model.display_name)
        with _named("model"):
            row = await self._tenant.fetchrow(
                ADD_MODEL,
                hex_of(model.id),
                hex_of(model.provider_id),
                model.name,
                model.display_name,
                model.source,
                _json(model.capabilities),
                model.is_enabled,
                model.is_favorite,
            )
        return _model(row)

    async def note_model(self, model: KeptModel) -> None:
        """Have a row for a built-in model, if there is none."""
        values = (model.name, model.display_name, model.source)
        with _named("model"):
            await self._tenant.execute(NOTE_MODEL, hex_of(model.id), hex_of(model.provider_id), *values)

    async def change_model(self, model_id: str, changes: Mapping[str, Any]) -> KeptModel:
        """Change columns by name."""
        columns = dict(changes)
        if "capabilities" in columns:
            columns["capabilities"] = _json(columns["capabilities"])
        if "provider_id" in columns:
            columns["provider_id"] = hex_of(columns["provider_id"])
        statement = _update("models", columns, _MODEL_COLUMNS, _MODEL)
        with _named("model"):
            row = await self._tenant.fetchrow(statement, hex_of(model_id), *columns.values())
        return _model(_found(row, "model", model_id))

    async def delete_model(self, model_id: str) -> None:
        """Forget one."""
        with translate():
            _found(await self._tenant.fetchval(DELETE_MODEL, hex_of(model_id)), "model", model_id)

    async def sync(self, provider_id: str, found: Sequence[KeptModel]) -> Synced:
        """Take a provider's list."""
        names = [model.name for model in found]
        with translate():
            async with self._tenant.transaction() as connection:
                seen = await connection.fetch(
                    SEEN,
                    hex_of(provider_id),
                    [hex_of(model.id) for model in found],
                    names,
                    [model.display_name for model in found],
                    [_json(model.capabilities) for model in found],
                )
                stale = await connection.fetch(MISSED, hex_of(provider_id), names)
                await connection.execute(SYNCED, hex_of(provider_id))
        created = sum(row["is_new"] for row in seen)
        return Synced(created, len(seen) - created, len(stale))

    async def _keep(self, provider_id: str, api_key: str | None) -> None:
        """Seal a key, or take an empty one away."""
        if api_key:
            await self._keys(provider_id).put({API_KEY: api_key})
        elif api_key is not None:
            await self._keys(provider_id).delete(API_KEY)

    def _keys(self, provider_id: str) -> OwnedSecrets:
        return OwnedSecrets(self._tenant, self._vault, Kind.PROVIDER, provider_id)


def _update(table: str, columns: Mapping[str, Any], known: frozenset[str], returned: str) -> str:
    """Return a statement that changes columns by name, each of which must be known here."""
    if unknown := columns.keys() - known:
        message = f"{table} has no column that may be changed: {', '.join(sorted(unknown))}"
        raise ValueError(message)
    sets = "".join(f"{name} = ${at}, " for at, name in enumerate(columns, 2))
    return f"UPDATE {table} SET {sets}updated_at = now() WHERE {_OURS} AND id = $1 RETURNING {returned}"


@contextmanager
def _named(kind: str) -> Iterator[None]:
    """Tell what is there already, or what is named and is not."""
    with translate():
        try:
            yield
        except asyncpg.UniqueViolationError as err:
            message = f"There is a {kind} of this name already."
            raise ConflictError(message, f"{kind}_exists") from err
        except asyncpg.ForeignKeyViolationError as err:
            raise NotFoundError("provider", "of this model") from err


def _found(row: Any, kind: str, key: str) -> Any:
    if row is None:
        raise NotFoundError(kind, key)
    return row


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _numbers(limits: CallLimits) -> tuple[int | None, ...]:
    return tuple(getattr(limits, name) for name in _LIMITS)


def _provider(row: Any) -> Provider:
    return Provider(
        id=public_id("provider", row["id"]),
        name=row["name"],
        type=row["type"],
        is_built_in=row["is_built_in"],
        base_url=row["base_url"],
        is_trusted=row["is_trusted"],
        details=msgspec.json.decode(row["details"]),
        status=row["status"],
        api_key_set=row["api_key_set"],
        trace=msgspec.json.decode(row["trace"]) if row["trace"] else None,
        limits=CallLimits(*(row[name] for name in _LIMITS)),
        last_synced_at=rfc3339(row["last_synced_at"]) if row["last_synced_at"] else None,
        created_at=rfc3339(row["created_at"]),
        updated_at=rfc3339(row["updated_at"]),
    )


def _model(row: Any) -> KeptModel:
    return KeptModel(
        id=public_id("model", row["id"]),
        provider_id=public_id("provider", row["provider_id"]),
        name=row["name"],
        display_name=row["display_name"],
        source=row["source"],
        capabilities=tuple(msgspec.json.decode(row["capabilities"])),
        is_enabled=row["is_enabled"],
        is_favorite=row["is_favorite"],
        is_stale=row["is_stale"],
        created_at=rfc3339(row["created_at"]),
        updated_at=rfc3339(row["updated_at"]),
    )
