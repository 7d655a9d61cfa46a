"""When a model fails, the next of its chain takes over; a crash does not make the chain begin again."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.core.event import Tried
from runtime.core.message import Controls
from runtime.ports.model import ModelReply, ModelRequest, StreamItem, TextDelta
from tests.scene import SESSION, scene
from tests.stage import FAST, MODEL, Conversation, Gate, OneModel, Process, services_for

BUSY = ModelUnavailableError(0.0, "Acme is limiting.", "provider_rate_limited", "acme", 429, "slow down")
REFUSED = ModelRejectedError("Acme refused.", "provider_quota_exhausted", "acme", 402)
CHAIN = {"fallback_models": ("llmsim:second", "llmsim:third")}


class Models:
    """Models that fail by name, and say their names if they do not."""

    def __init__(self, **failing: Exception | Gate) -> None:
        self.failing = failing
        self.asked: list[str] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        name = request.model.name
        self.asked.append(name)
        found = self.failing.get(name)
        if isinstance(found, Gate):
            yield TextDelta("half")
            await found.pass_through()
        if isinstance(found, Exception):
            yield TextDelta("half")
            raise found
        yield TextDelta(name)
        yield ModelReply(text=name)


async def test_a_throttled_model_is_asked_twice_and_then_the_next_one() -> None:
    models = Models(scripted=BUSY)
    async with scene(model=models, agent=CHAIN) as played:
        await played.turn()
        assert models.asked == ["scripted"] * FAST.attempts_before_fallback + ["second"]
        [rerouted] = played.of("reason.rerouted")
        assert (rerouted.model, rerouted.provider) == ("second", MODEL.provider)
        assert (rerouted.tried.model, rerouted.tried.error_code, rerouted.tried.attempts) == (
            "scripted", "provider_rate_limited", FAST.attempts_before_fallback,
        )  # fmt: skip
        assert [told["max_attempts"] for told in played.sent("reason.retrying")] == [FAST.attempts_before_fallback]
        [generation] = played.of("llm.generation")
        assert (generation.metadata.model, generation.metadata.success) == ("second", True)
        assert generation.metadata.fallbacks == (rerouted.tried,)
        [said] = played.of("output.message.completed")
        assert (said.message.text, said.metadata.model) == ("second", "second")
        assert played.of("turn.completed")


async def test_a_refusal_is_not_repeated_before_the_next_model_is_asked() -> None:
    models = Models(scripted=REFUSED, second=REFUSED)
    async with scene(model=models, agent=CHAIN) as played:
        await played.turn()
        assert models.asked == ["scripted", "second", "third"]
        tried = played.of("llm.generation")[0].metadata.fallbacks
        assert [each.model for each in tried] == ["scripted", "second"]


async def test_a_long_wait_that_was_asked_for_is_no_reason_to_wait_if_another_model_can_be_asked() -> None:
    patient = ModelUnavailableError(3600.0, "Acme is limiting.", "provider_rate_limited", "acme", 429)
    models = Models(scripted=patient)
    async with scene(model=models, agent=CHAIN) as played:
        await played.turn()
        assert models.asked == ["scripted", "second"]


async def test_the_last_of_the_chain_fails_the_turn_after_all_its_attempts() -> None:
    models = Models(scripted=REFUSED, second=REFUSED, third=BUSY)
    async with scene(model=models, agent=CHAIN) as played:
        await played.turn()
        assert models.asked == ["scripted", "second", *["third"] * FAST.model_attempts]
        [generation], [failed] = played.of("llm.generation"), played.of("turn.failed")
        assert (generation.metadata.model, len(generation.metadata.fallbacks)) == ("third", 2)
        assert failed.error_code == "provider_rate_limited"


@pytest.mark.parametrize("code", ["processing_error", "answer_too_large", "too_many_tool_calls"])
async def test_what_another_model_would_meet_again_fails_the_turn_at_once(code: str) -> None:
    models = Models(scripted=ModelRejectedError("No.", code))
    async with scene(model=models, agent=CHAIN) as played:
        await played.turn()
        assert models.asked == ["scripted"]
        assert played.of("turn.failed")


async def test_a_chain_leaves_out_the_chosen_model_and_those_that_are_gone() -> None:
    models = Models(second=REFUSED)
    chain = {"fallback_models": ("llmsim:second", "missing", "llmsim:third")}
    async with scene(model=models, agent=chain) as played:
        await played.turn(Controls(model_id="second"))
        assert models.asked == ["second", "third"]


@pytest.mark.parametrize(("layers", "asked"), [((), "third"), (("llmsim:second",), "second")])
async def test_an_organisations_chain_takes_over_where_no_layer_names_one(layers: tuple[str, ...], asked: str) -> None:
    models = Models(scripted=REFUSED)
    async with scene(model=models, agent={"fallback_models": layers}) as played:
        known = played.chat.process.services.models
        assert isinstance(known, OneModel)
        known.chains[DEFAULT_ORG] = ("missing", "llmsim:third")
        await played.turn()
        assert models.asked == ["scripted", asked]


async def test_each_call_begins_with_the_chosen_model() -> None:
    models = Models(scripted=REFUSED)
    async with scene(model=models, agent=CHAIN) as played:
        await played.turn()
        models.failing.clear()
        await played.turn(turns=2)
        assert models.asked == ["scripted", "second", "scripted"]
        assert [each.metadata.fallbacks for each in played.of("llm.generation")][1] is None


async def test_after_a_kill_the_chain_goes_on_where_it_was() -> None:
    gate = Gate()
    models: Any = Models(scripted=REFUSED, second=gate)
    async with scene(model=models, agent=CHAIN) as played:
        await played.chat.send("go")
        await gate.reached()
        await played.chat.process.seen("reason.rerouted")
        await played.chat.process.kill()
        models.failing["second"] = TextDelta("")
        played.store.rows[SESSION].epoch = 2
        agents = played.chat.process.services.composer
        again = Conversation(Process(services_for(played.store, agents, models)), SESSION, 2)
        await again.watch()
        again.process.adopt(SESSION, 2)
        await again.process.seen("session.idled")
        assert models.asked == ["scripted", "second", "second"]
        error = played.of("reason.rerouted")[0].tried.error
        tried = Tried("scripted", MODEL.provider, MODEL.id, "provider_quota_exhausted", error)
        assert played.of("llm.generation")[0].metadata.fallbacks == (tried,)
        assert len(played.of("reason.rerouted")) == 1
        await again.process.kill()
