"""What the catalogue offers under which configuration, and by which names."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from everruns_sdk.models import ModelWithProvider

from runtime.core.errors import NotFoundError
from runtime.core.ids import is_id
from runtime.models.catalogue import Catalogue
from runtime.models.vendors import VENDORS
from runtime.process.settings import ModelSettings

NOW = datetime(2026, 11, 1, tzinfo=UTC)
EVERY_KEY = {vendor.keys[0]: "sk-test" for vendor in VENDORS}


def catalogue(environment: dict[str, str] | None = None, **settings: Any) -> Catalogue:
    return Catalogue(ModelSettings(**settings), environment or {}, NOW)


def test_without_any_key_the_simulated_models_are_offered() -> None:
    assert [info.model_id for info in catalogue().models()] == ["sim-echo", "sim-lorem"]
    assert {info.provider_type for info in catalogue().models()} == {"llmsim"}


def test_a_key_brings_its_vendor_s_models() -> None:
    infos = catalogue({"ANTHROPIC_API_KEY": "sk-test"}).models()

    assert {info.provider_type for info in infos} == {"anthropic", "llmsim"}
    assert infos[0].model_id == "claude-sonnet-5-5"


def test_every_vendor_s_models_satisfy_the_client() -> None:
    infos = catalogue(EVERY_KEY).models()

    for info in infos:
        shown = ModelWithProvider.model_validate_json(msgspec.json.encode(info))
        assert shown.id == info.id
    assert len({info.id for info in infos}) == len(infos) > len(VENDORS)


def test_a_profile_tells_limits_prices_and_abilities() -> None:
    info = catalogue({"OPENAI_API_KEY": "sk-test"}).info("openai:gpt-6.1-terra")

    assert info.profile is not None
    assert info.profile.limits is not None
    assert info.profile.limits.context > 100_000
    assert info.profile.cost is not None
    assert 0 < info.profile.cost.input < info.profile.cost.output
    assert info.profile.cost.cost_tiers[0].input > info.profile.cost.input
    assert info.profile.reasoning_effort is not None
    assert "high" in {effort.value for effort in info.profile.reasoning_effort.values}
    assert {"tools", "reasoning", "vision"} <= set(info.capabilities)


def test_ids_are_the_same_in_every_process() -> None:
    ref = catalogue({"OPENAI_API_KEY": "sk-test"}).default()

    assert is_id("model", ref.id)
    assert is_id("provider", ref.provider_id)
    assert ref.id == catalogue().find("openai:gpt-6.1-terra").id


def test_a_model_is_found_by_id_pair_vendor_and_own_name() -> None:
    offered = catalogue({"OPENAI_API_KEY": "sk-test"})
    ref = offered.find("openai:gpt-6.1-terra")

    assert [offered.find(key) for key in (ref.id, "openai", "gpt-6.1-terra", "openai-responses")] == [ref] * 4
    assert offered.info(ref.id).model_id == "gpt-6.1-terra"


def test_a_brand_new_model_can_be_named() -> None:
    ref = catalogue().find("openrouter:vendor/brand-new:free")

    assert (ref.provider, ref.name, ref.is_default) == ("openrouter", "vendor/brand-new:free", False)
    assert not catalogue().info("openrouter:vendor/brand-new:free").healthy


@pytest.mark.parametrize("key", ["", "gpt-6.1-terra", "openai:", "nobody:x", "llmsim:sim-genius", f"model_{'0' * 32}"])
def test_an_unknown_model_is_not_found(key: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        catalogue().find(key)

    assert caught.value.stable_code == "model_not_found"


def test_the_default_is_the_simulated_model_when_nobody_chose() -> None:
    ref = catalogue().default()

    assert (ref.provider, ref.name, ref.is_default) == ("llmsim", "sim-echo", True)


@pytest.mark.parametrize(
    ("environment", "settings", "expected"),
    [
        ({"ANTHROPIC_API_KEY": "k", "GROQ_API_KEY": "k"}, {}, ("anthropic", "claude-sonnet-5-5")),
        ({"DEFAULT_GEMINI_API_KEY": "k"}, {}, ("gemini", "gemini-3.8-flash")),
        ({"OPENAI_API_KEY": "  "}, {"default_model": "llmsim:sim-echo"}, ("llmsim", "sim-echo")),
        ({"OPENAI_API_KEY": "k"}, {"default_model": "llmsim:sim-lorem"}, ("llmsim", "sim-lorem")),
        ({}, {"default_model": "openai:gpt-5"}, ("openai", "gpt-5")),
    ],
    ids=["first-vendor", "contract-s-key", "blank-key", "chosen", "chosen-without-key"],
)
def test_a_choice_or_a_key_makes_the_default(
    environment: dict[str, str], settings: dict[str, str], expected: tuple[str, str]
) -> None:
    ref = catalogue(environment, **settings).default()

    assert (ref.provider, ref.name, ref.is_default) == (*expected, False)


def test_a_chosen_default_is_listed() -> None:
    offered = catalogue(default_model="openai:gpt-5")

    assert offered.find(offered.default().id).name == "gpt-5"
