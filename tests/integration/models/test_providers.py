"""Turns with an organisation's own providers, while these are changed: on a real database and over real HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.errors import NotFoundError
from runtime.models.breakers import Breakers
from runtime.models.catalogue import Catalogue
from runtime.models.directory import Directory
from runtime.models.gates import Gates
from runtime.models.info import provider_key
from runtime.models.router import Models
from runtime.models.turnstile import Turnstile
from runtime.ports.providers import KeptModel, Provider
from runtime.ports.secrets import Kind
from runtime.ports.turnstile import UNLIMITED, CallLimits
from runtime.process.mint import new_id, now
from runtime.process.settings import ModelSettings
from runtime.process.tasks import Tasks
from runtime.store.breakers import BreakerStore
from runtime.store.endpoints import EndpointStore
from runtime.store.providers import ProviderStore
from runtime.store.turnstile import CallQueueStore
from runtime.wire.protocol import Cancel
from tests.integration.conftest import Deployment
from tests.model_servers import Called, ModelServer, Refused, Said, Stalled, model_server
from tests.stage import Conversation, Gate
from tests.tenancy import VAULT, found_org, ours, secrets_in

KEY = "sk-first"
Settle = Callable[[dict[str, Any]], Awaitable[None]]


class Ground:
    """A deployment whose sessions find models as they do in an actor, and one provider with a model."""

    def __init__(self, deployment: Deployment, server: ModelServer) -> None:
        self.deployment = deployment
        self.server = server
        self.store = ProviderStore(ours(deployment.pool), VAULT)
        self.gates = Gates(
            Breakers(BreakerStore(deployment.pool), ModelSettings()), Turnstile(CallQueueStore(deployment.pool), {})
        )
        self.directory = Directory(
            Catalogue(ModelSettings(), {}, now()),
            EndpointStore(deployment.pool),
            lambda org_id, _session_id, provider_id: secrets_in(deployment.pool, Kind.PROVIDER, provider_id, org_id),
            self.gates.turnstile.limit,
        )
        self.models = Models(ModelSettings(), {}, gates=self.gates)
        self.provider_id = ""
        self.model_id = ""

    async def furnish(self, *, is_trusted: bool = True, type_: str = "openai_compatible", below: str = "/v1") -> None:
        provider = Provider(
            id=new_id("provider"),
            name=new_id("provider"),
            type=type_,
            base_url=self.server.base_url + below,
            is_trusted=is_trusted,
            details={"region": "eu-central-1"},
        )
        self.provider_id = (await self.store.create(provider, KEY)).id
        self.model_id = await self.add(self.provider_id)
        await self.directory.catch_up()

    async def add(self, provider_id: str, name: str = "llama-4") -> str:
        model = KeptModel(id=new_id("model"), provider_id=provider_id, name=name, display_name=name, source="manual")
        return (await self.store.add_model(model)).id

    async def begin(self) -> Conversation:
        self.deployment.models = self.directory
        session_id = await self.deployment.new_session(model_id=self.model_id)
        return await self.deployment.converse(self.deployment.process(self.models), session_id)


async def ended(chat: Conversation, turns: int) -> str:
    """Send a message, and return how its turn ended."""
    await chat.send("go")
    await chat.turns_ended(turns)
    return [type_ for type_ in chat.process.types() if type_ in ("turn.completed", "turn.failed")][-1]


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        yield running


@pytest.fixture
async def ground(deployment: Deployment, server: ModelServer) -> AsyncIterator[Ground]:
    made = Ground(deployment, server)
    yield made
    await made.models.aclose()


@pytest.fixture
async def settle_org(deployment: Deployment) -> AsyncIterator[Settle]:
    """Change the settings of the organisation, which are everybody's, until the test ends."""

    async def settle(settings: dict[str, Any]) -> None:
        given = msgspec.json.encode(settings).decode()
        await deployment.pool.execute("UPDATE organizations SET settings = $2 WHERE id = $1", DEFAULT_ORG[4:], given)

    yield settle
    await settle({})


@pytest.mark.parametrize(
    ("type_", "path", "header"),
    [
        ("openai_compatible", "/v1/chat/completions", "authorization"),
        ("openai_completions", "/v1/chat/completions", "authorization"),
        ("openai", "/v1/responses", "authorization"),
        ("azure_openai", "/v1/responses", "api-key"),
        ("anthropic", "/v1/messages", "authorization"),
        ("gemini", "/v1beta/models/llama-4:streamGenerateContent", "x-goog-api-key"),
        ("bedrock", "/model/llama-4/converse-stream", "authorization"),
    ],
)
async def test_a_turn_goes_to_the_provider_of_its_model(ground: Ground, type_: str, path: str, header: str) -> None:
    await ground.furnish(type_=type_, below="" if type_ in ("anthropic", "gemini", "bedrock") else "/v1")
    chat = await ground.begin()
    assert await ended(chat, 1) == "turn.completed"
    (request,) = ground.server.requests
    assert request.path == path
    assert request.body.get("model", "llama-4") == "llama-4"
    assert request.headers[header].removeprefix("Bearer ") == KEY
    (generation,) = [e.data for e in await ground.deployment.log(chat.session_id) if e.type == "llm.generation"]
    assert (generation.metadata.model, generation.metadata.provider) == ("llama-4", type_)


async def test_a_server_of_ones_own_needs_no_key(ground: Ground) -> None:
    await ground.furnish()
    await ground.store.change(ground.provider_id, {}, "")
    await ground.directory.catch_up()
    assert await ended(await ground.begin(), 1) == "turn.completed"


async def test_a_provider_that_breaks_fails_the_turn_in_words_and_works_again_when_it_is_repaired(
    ground: Ground,
) -> None:
    await ground.furnish()
    chat = await ground.begin()
    ground.server.answer(Refused(401, message="Incorrect API key provided: sk-first"))
    assert await ended(chat, 1) == "turn.failed"
    log = await ground.deployment.log(chat.session_id)
    (failed,) = [e.data for e in log if e.type == "turn.failed"]
    assert failed.error_code == "provider_misconfigured"
    assert KEY not in str(log)
    await ground.store.change(ground.provider_id, {}, "sk-second")
    await ground.directory.catch_up()
    assert await ended(chat, 2) == "turn.completed"
    assert ground.server.requests[-1].headers["authorization"] == "Bearer sk-second"


async def test_a_turn_goes_on_with_what_it_began_with_and_the_next_one_sees_what_was_done(ground: Ground) -> None:
    await ground.furnish()
    gate = ground.deployment.probe.gate = Gate()
    ground.server.answer(Said(calls=(Called("c1", "look", {}),)), Said("Done."))
    chat = await ground.begin()
    await chat.send("go")
    await gate.reached()
    await ground.store.delete(ground.provider_id)
    await ground.directory.catch_up()
    gate.open()
    await chat.turns_ended(1)
    assert chat.process.types().count("turn.completed") == 1
    assert len(ground.server.requests) == 2
    assert ground.server.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    assert await ended(chat, 2) == "turn.failed"
    assert len(ground.server.requests) == 2


async def test_a_turn_takes_a_key_that_was_replaced_once_its_own_is_refused(ground: Ground) -> None:
    await ground.furnish()
    gate = ground.deployment.probe.gate = Gate()
    ground.server.answer(
        Said(calls=(Called("c1", "look", {}),)), Refused(401), Said(calls=(Called("c2", "look", {}),)), Refused(401)
    )
    chat = await ground.begin()
    await chat.send("go")
    await gate.reached()
    await ground.store.change(ground.provider_id, {}, "sk-second")
    await ground.directory.catch_up()
    gate.open()
    await chat.turns_ended(1)
    shown = [request.headers["authorization"].removeprefix("Bearer ") for request in ground.server.requests]
    assert shown == [KEY, KEY, "sk-second", "sk-second"]
    assert chat.process.types().count("turn.failed") == 1  # nothing newer is there the second time


async def test_what_is_known_of_a_providers_calls_goes_with_it(ground: Ground) -> None:
    await ground.furnish()
    pool, provider = ground.deployment.pool, ground.provider_id
    breakers = BreakerStore(pool)
    await breakers.fail(provider, 3, 60.0)
    await CallQueueStore(pool).enter(provider, "flow", CallLimits(concurrent=1))
    await ground.store.delete(provider)
    with pytest.raises(NotFoundError):
        await breakers.get(provider)
    assert await pool.fetchval("SELECT count(*) FROM model_tickets WHERE provider = $1", provider) == 0


async def test_limits_of_a_provider_hold_calls_back_and_let_them_go_when_they_are_taken_away(ground: Ground) -> None:
    await ground.furnish()
    await ground.store.change(ground.provider_id, {"limits": CallLimits(concurrent=1)})
    await ground.directory.catch_up()
    first, second = await ground.begin(), await ground.begin()
    tasks = Tasks(lambda: pytest.fail("the turnstile ended"))
    tasks.essential(ground.gates.turnstile.keep(), "turnstile")
    ground.server.answer(Stalled(Said("It goes on and on."), after_events=3))
    await first.send("go")
    await first.process.seen("output.message.delta")
    await second.send("go")
    await second.process.seen("reason.waiting")
    assert len(ground.server.requests) == 1
    changed = await ground.store.change(ground.provider_id, {"limits": UNLIMITED})
    assert changed.limits == UNLIMITED
    await ground.directory.catch_up()
    await second.turns_ended(1)
    assert second.process.types().count("turn.completed") == 1
    assert "turn.completed" not in first.process.types()
    await first.ask(Cancel())
    await first.turns_ended(1)
    await tasks.close()


@pytest.mark.parametrize("change", ["provider", "model"])
async def test_what_is_disabled_is_not_called(ground: Ground, change: str) -> None:
    await ground.furnish()
    chat = await ground.begin()
    assert await ended(chat, 1) == "turn.completed"
    if change == "provider":
        await ground.store.change(ground.provider_id, {"status": "disabled"})
    else:
        await ground.store.change_model(ground.model_id, {"is_enabled": False})
    await ground.directory.catch_up()
    assert await ended(chat, 2) == "turn.failed"
    assert len(ground.server.requests) == 1


async def test_a_provider_that_no_administrator_of_the_server_vouches_for_reaches_nobody_inside(ground: Ground) -> None:
    await ground.furnish(is_trusted=False)
    chat = await ground.begin()
    assert await ended(chat, 1) == "turn.failed"
    (failed,) = [e.data for e in await ground.deployment.log(chat.session_id) if e.type == "turn.failed"]
    assert failed.error_code == "provider_misconfigured"
    assert ground.server.requests == []
    assert not ground.server.peers


async def test_a_model_of_another_organisation_is_none(ground: Ground) -> None:
    await ground.furnish()
    other = await found_org(ground.deployment.pool)
    with pytest.raises(NotFoundError):
        await ground.directory.opened(other, "session_1", ground.directory.find(other, ground.model_id))


async def test_an_organisation_has_its_own_default_and_does_without_what_it_disabled(
    ground: Ground, settle_org: Settle
) -> None:
    await ground.furnish()
    find = ground.directory.find
    assert find(DEFAULT_ORG, None).key == "llmsim:sim-echo"
    await settle_org({"default_model": ground.model_id})
    await ground.directory.catch_up()
    assert find(DEFAULT_ORG, None).id == ground.model_id
    await ground.store.change(ground.provider_id, {"status": "disabled"})
    await ground.directory.catch_up()
    assert find(DEFAULT_ORG, None).key == "llmsim:sim-echo"
    simulated = Provider(id=provider_key("llmsim"), name="Simulated", type="llmsim", is_built_in=True)
    await ground.store.note(simulated)
    await ground.store.change(simulated.id, {"status": "disabled"})
    await ground.directory.catch_up()
    for key in ("llmsim:sim-echo", None):
        with pytest.raises(NotFoundError):
            find(DEFAULT_ORG, key)


async def test_an_organisations_chain_takes_over_and_passes_over_what_is_disabled(
    ground: Ground, settle_org: Settle
) -> None:
    await ground.furnish()
    first, ground.model_id = ground.model_id, await ground.add(ground.provider_id, "gemma-9")
    await settle_org({"fallback_models": [first, "llmsim:sim-echo"]})
    await ground.directory.catch_up()
    ground.server.answer(Refused(402, message="No credit."))
    chat = await ground.begin()
    assert await ended(chat, 1) == "turn.completed"
    assert [request.body["model"] for request in ground.server.requests] == ["gemma-9", "llama-4"]
    log = await ground.deployment.log(chat.session_id)
    (rerouted,) = [e.data for e in log if e.type == "reason.rerouted"]
    (generation,) = [e.data for e in log if e.type == "llm.generation"]
    assert (rerouted.tried.model_id, rerouted.tried.error_code) == (ground.model_id, "provider_quota_exhausted")
    assert (generation.metadata.model, generation.metadata.fallbacks) == ("llama-4", (rerouted.tried,))
    await ground.store.change_model(first, {"is_enabled": False})
    await ground.directory.catch_up()
    assert ground.directory.fallbacks(DEFAULT_ORG) == ("llmsim:sim-echo",)


async def test_the_number_moves_with_every_change_and_asking_costs_one_statement(ground: Ground) -> None:
    await ground.furnish()
    endpoints = EndpointStore(ground.deployment.pool)
    before = await endpoints.revision()
    assert await endpoints.revision() == before
    await ground.store.change(ground.provider_id, {"name": "Another"})
    assert await endpoints.revision() > before


async def test_an_endpoint_does_not_show_its_key(ground: Ground) -> None:
    await ground.furnish()
    ref = await ground.directory.opened(DEFAULT_ORG, "session_1", ground.directory.find(DEFAULT_ORG, ground.model_id))
    assert ref.endpoint is not None
    assert ref.endpoint.api_key == KEY
    assert KEY not in repr(ref) + str(ref)
