"""What clients are told of limits and keys, which only an operator sets."""

import httpx

from api.app import create_app
from api.http.deps import House
from api.http.limits import Allowances
from runtime.core.rate import Rate
from runtime.ports.secrets import Kind
from runtime.process.settings import HttpSettings
from runtime.store.pool import Pool
from runtime.store.secrets import OwnedSecrets
from runtime.vault.keyring import Key, Keyring
from runtime.vault.local import LocalVault
from tests.tenancy import RING, found_org, ours


async def test_limits_are_told_as_the_settings_have_them(house: House) -> None:
    given = {
        "allowances": Allowances(requests=Rate(600), streams_per_org=7),
        "http": HttpSettings(sse_per_session=3, body_limit_bytes=5_000),
    }
    bounded = House(**{**{name: getattr(house, name) for name in House.__slots__}, **given})
    transport = httpx.ASGITransport(create_app(bounded), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api") as client:
        assert (await client.get("/v1/limits")).json() == {
            "requests_per_minute": 600,
            "org_requests_per_minute": None,
            "failures_per_minute": None,
            "streams_per_session": 3,
            "streams_per_org": 7,
            "body_bytes": 5_000,
        }


async def test_keys_are_told_with_what_they_seal_of_the_organisation(client: httpx.AsyncClient, pool: Pool) -> None:
    """Promised: what an organisation's administrator reads counts no other organisation's secrets, and shows no key."""
    lost = LocalVault(Keyring(Key("lost-1", bytes(32))))
    session_id = (await client.post("/v1/sessions", json={})).json()["id"]
    await client.put(f"/v1/sessions/{session_id}/storage/secrets", json={"secrets": {"A": "a"}})
    before = {key["key_id"]: key["secrets"] for key in (await client.get("/v1/secret-keys")).json()["data"]}
    await OwnedSecrets(ours(pool), lost, Kind.SESSION, session_id).put({"B": "b"})
    other = await found_org(pool)
    await OwnedSecrets(ours(pool, other), lost, Kind.PROVIDER, f"provider_{1:032x}").put({"C": "c"})
    try:
        reply = await client.get("/v1/secret-keys")
        assert reply.json()["data"] == [
            {"key_id": "lost-1", "secrets": 1, "state": "missing"},
            {"key_id": RING.current.key_id, "secrets": before[RING.current.key_id], "state": "current"},
        ]
    finally:
        await pool.execute("DELETE FROM secrets WHERE key_id = 'lost-1'")
