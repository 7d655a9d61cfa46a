"""Every operation of the document against everyone who may not call it: refused rightly, and nothing changes.

The operations come from the document, so a new one cannot be forgotten: one whose address names what this does not know
fails, and so does one that is open to all without being among OPEN.
"""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx
import msgspec
import pytest

from api.app import create_app
from api.http.deps import House
from runtime.agents.built_in import built_in_id
from runtime.core.access.principal import ANONYMOUS, ANONYMOUS_USER, Principal
from runtime.core.access.roles import GRANTED, MemberRole, Scope
from runtime.core.authored.definition import AgentDefinition, HarnessDefinition, SessionDefinition
from runtime.core.errors import UnauthenticatedError
from runtime.identity import authenticator as authenticators
from runtime.identity.authenticator import RememberingAuthenticator
from runtime.ports.access import Revoked, Shown
from runtime.ports.providers import Provider
from runtime.ports.secrets import Kind
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id, now
from runtime.store.agents import AgentStore
from runtime.store.files import WorkspaceFiles
from runtime.store.harnesses import HarnessStore
from runtime.store.images import ImageStore
from runtime.store.pool import Pool
from runtime.store.providers import ProviderStore
from runtime.store.workspaces import WorkspaceStore
from tests.identity import Enter, registered
from tests.tenancy import VAULT, found_org, ours, secrets_in, sessions_in

METHODS: Final = ("get", "post", "put", "patch", "delete")
OPEN: Final = {
    "/health",
    *(f"/api/v1/auth/{way}" for way in ("config", "login", "register", "refresh", "logout")),
    "/api/v1/auth/oauth/{provider}",
    "/api/v1/auth/callback/{provider}",
}
ENDLESS: Final = "GET /api/v1/durable/sse"  # numbers of all organisations together
UPSERT: Final = "PUT /api/v1/agents/{agent}"  # makes one's own with that id
TABLES: Final = (
    "agents", "harnesses", "workspaces", "files", "sessions", "pins", "key_values", "events", "secrets", "providers",
    "models", "images",
)  # fmt: skip
PICTURE: Final = b"\x89PNG\r\n\x1a\n"
UPLOAD: Final = "POST /api/v1/images"  # a form, and no JSON
BODY: Final = {"name": "taken-over", "system_prompt": "", "title": "taken over", "content": "x", "secrets": {"A": "b"}}


@dataclass(frozen=True)
class Operation:
    """One of the document; `needs` is None where everybody may ask."""

    method: str
    path: str
    needs: Scope | None

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


class Doorman:
    """Knows a few people by name."""

    def __init__(self) -> None:
        self.known: dict[str, Principal] = {}

    async def principal(self, shown: Shown) -> Principal:
        if shown.token not in self.known:
            message = "Nobody has this credential."
            raise UnauthenticatedError(message)
        return self.known[shown.token]

    def on_revoked(self, listener: Revoked) -> None:
        """Do nothing: nobody is forgotten."""


@pytest.fixture
def doorman() -> Doorman:
    return Doorman()


@pytest.fixture
async def client(house: House, doorman: Doorman) -> AsyncIterator[httpx.AsyncClient]:
    guarded = House(**{**{name: getattr(house, name) for name in House.__slots__}, "authenticator": doorman})
    transport = httpx.ASGITransport(create_app(guarded), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
def operations(described: dict[str, Any]) -> list[Operation]:
    return list(operations_of(described))


def operations_of(made: dict[str, dict[str, dict[str, dict[str, list[dict[str, list[str]]]]]]]) -> Iterator[Operation]:
    for path, there in made["paths"].items():
        for method in METHODS:
            if method in there:
                security = there[method].get("security")
                yield Operation(method, path, Scope(security[0]["token"][0]) if security else None)


class Things:
    """One of everything that an organisation may have, by the names that addresses give it."""

    def __init__(self, ids: dict[str, str]) -> None:
        self._ids = ids

    def address(self, operation: Operation) -> str:
        """Return an operation's address with these in it. Raises KeyError for what it names and nobody has said."""
        parts = operation.path.split("{")
        named = [part.partition("}") for part in parts[1:]]
        return parts[0] + "".join(self._ids[name.removesuffix(":path")] + rest for name, _, rest in named)

    def names(self, operation: Operation) -> bool:
        """Tell whether an address names something that belongs to an organisation."""
        return any(
            f"{{{name}" in operation.path
            for name in ("org_id", "session_id", "workspace_id", "agent", "harness", "provider_id", "image_id")
        )


async def furnish(pool: Pool, org_id: str) -> Things:
    tenant = ours(pool, org_id)
    agent, _ = await AgentStore(tenant).upsert("helper", built_in_id("generic"), AgentDefinition())
    harness = await HarnessStore(tenant).create("home", HarnessDefinition())
    workspace = await WorkspaceStore(tenant).create("shared")
    await WorkspaceFiles(tenant, workspace.id).write("/a.txt", b"a")
    new = NewSession(
        id=new_id("session"),
        harness_id=harness.id,
        agent_id=agent.id,
        workspace_id=workspace.id,
        owns_workspace=False,
        definition=SessionDefinition(),
        title="theirs",
    )
    await sessions_in(pool, org_id).create(new)
    await secrets_in(pool, Kind.SESSION, new.id, org_id).put({"session-1": "theirs"})
    provider = await ProviderStore(tenant, VAULT).create(
        Provider(id=new_id("provider"), name="theirs", type="openai"), "sk-theirs"
    )
    image = await ImageStore(tenant).create(PICTURE, "theirs.png")
    return Things(
        {
            "session_id": new.id,
            "image_id": image.id,
            "workspace_id": workspace.id,
            "agent": agent.id,
            "harness": harness.id,
            "path": "a.txt",
            "tool_call_id": "c1",
            "model": "sim-echo",
            "capability": "current_time",
            "name": "session-1",
            "key": "openai",
            "node_id": "1",
            "provider": "github",
            "provider_id": provider.id,
            "org_id": org_id,
            "user_id": ANONYMOUS_USER,
            "token_id": new_id("token"),
            "login_id": new_id("login"),
        }
    )


async def digest(pool: Pool, org_id: str) -> str:
    """Return what tells whether anything of an organisation has changed."""
    found = hashlib.sha256()
    for table in TABLES:
        rows = await pool.fetch(f"SELECT t::text AS row FROM {table} t WHERE org_id = $1 ORDER BY 1", org_id[4:])
        found.update("\n".join(row["row"] for row in rows).encode())
    return found.hexdigest()


@pytest.fixture
async def others(pool: Pool) -> str:
    return await found_org(pool, "Others")


@pytest.fixture
async def things(pool: Pool, others: str) -> Things:
    return await furnish(pool, others)


async def refused(
    client: httpx.AsyncClient, operations: list[Operation], things: Things, token: str | None, statuses: set[int]
) -> list[str]:
    """Return the operations whose answer has none of the statuses."""
    wrong = []
    for operation in operations:
        headers = {} if token is None else {"Authorization": token}
        body = BODY if operation.method in ("post", "put", "patch") else None
        files = {"file": ("taken-over.png", PICTURE)} if str(operation) == UPLOAD else None
        reply = await client.request(
            operation.method, things.address(operation), headers=headers, json=None if files else body, files=files
        )
        if reply.status_code not in statuses:
            wrong.append(f"{operation}: {reply.status_code} {reply.text[:200]}")
        elif reply.json()["code"] in ("internal", "route_not_found"):
            wrong.append(f"{operation}: {reply.text[:200]}")
    return wrong


def test_only_what_must_be_is_open_to_everybody(operations: list[Operation]) -> None:
    assert {operation.path for operation in operations if operation.needs is None} == OPEN


@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer ", "nonsense", "Basic YTpi", "evr_pat_" + "0" * 64])
async def test_without_a_good_credential_nothing_is_to_be_had(
    client: httpx.AsyncClient, operations: list[Operation], things: Things, pool: Pool, others: str, token: str | None
) -> None:
    before = await digest(pool, others)
    guarded = [operation for operation in operations if operation.needs]
    assert await refused(client, guarded, things, token, {401}) == []
    assert await digest(pool, others) == before


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_token_that_has_ended_is_as_good_as_none(
    enter: Enter, house: House, acting: Pool, operations: list[Operation], things: Things, end: str
) -> None:
    owner = await registered(enter, "ada@example.org")
    token = (await owner.post("/auth/personal-access-tokens", json={"name": "short"})).json()
    if end == "expired":
        await acting.execute("UPDATE tokens SET expires_at = now() + interval '1 hour' WHERE name = 'short'")
    remembered = await enter(token["key"])
    assert (await remembered.get("/sessions")).status_code == httpx.codes.OK
    if end == "revoked":
        await owner.delete(f"/auth/personal-access-tokens/{token['id']}")
        assert isinstance(house.authenticator, RememberingAuthenticator)
        await house.authenticator.catch_up()  # a running door does it four times a second
    guarded = [operation for operation in operations if operation.needs]
    transport = httpx.ASGITransport(create_app(house), raise_app_exceptions=False)
    with pytest.MonkeyPatch.context() as clock:
        if end == "expired":
            clock.setattr(authenticators, "now", lambda: now() + timedelta(hours=2))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            assert await refused(client, guarded, things, token["key"], {401}) == []


async def test_a_credential_is_good_for_its_scopes_only(
    client: httpx.AsyncClient, operations: list[Operation], things: Things, pool: Pool, others: str, doorman: Doorman
) -> None:
    before = await digest(pool, others)
    for scope in Scope:
        scopes = frozenset(Scope) - {scope}
        doorman.known["key"] = msgspec.structs.replace(ANONYMOUS, org_id=others, scopes=scopes)
        needing = [operation for operation in operations if operation.needs is scope]
        assert await refused(client, needing, things, "key", {403}) == []
    assert await digest(pool, others) == before


async def test_a_viewer_changes_nothing(
    client: httpx.AsyncClient, operations: list[Operation], things: Things, pool: Pool, others: str, doorman: Doorman
) -> None:
    before = await digest(pool, others)
    scopes = GRANTED[MemberRole.VIEWER]
    doorman.known["key"] = msgspec.structs.replace(ANONYMOUS, org_id=others, role=MemberRole.VIEWER, scopes=scopes)
    changing = [operation for operation in operations if operation.needs and operation.needs not in scopes]
    assert await refused(client, changing, things, "key", {403}) == []
    assert await digest(pool, others) == before


async def test_what_another_organisation_has_is_not_there(
    client: httpx.AsyncClient, operations: list[Operation], things: Things, pool: Pool, others: str, doorman: Doorman
) -> None:
    before = await digest(pool, others)
    doorman.known["key"] = ANONYMOUS
    naming = [operation for operation in operations if things.names(operation) and str(operation) != UPSERT]
    assert await refused(client, naming, things, "key", {400, 404}) == []
    for operation in operations:
        ends = operation.method == "get" and str(operation) != ENDLESS
        if ends and not things.names(operation) and operation.needs:
            reply = await client.get(things.address(operation), headers={"Authorization": "key"})
            assert others not in reply.text
            assert "theirs" not in reply.text
    assert await digest(pool, others) == before


async def test_the_matrix_is_as_large_as_the_document(
    operations: list[Operation], capsys: pytest.CaptureFixture[str]
) -> None:
    guarded = [operation for operation in operations if operation.needs]
    with capsys.disabled():
        print(f"\nmatrix: {len(guarded)} operations, {len(OPEN)} open to everybody")  # noqa: T201  it is asked for
    assert len(guarded) > 50
