"""What is known of a model: limits, prices, abilities. Facts from genai-prices and pydantic-ai.

Both are loaded on first use: pydantic-ai takes seconds, which is what `preload` in `loading.py` is for.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Any, Final

import msgspec

from runtime.core.ids import format_id
from runtime.models.loading import provider_class
from runtime.models.vendors import Api, Vendor
from runtime.ports.catalogue import Cost, CostTier, Effort, Efforts, Limits, Modalities, ModelInfo, Profile
from runtime.ports.providers import KeptModel, Provider

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh")  # the SDK refuses others
_IDS: Final = uuid.UUID("6f2d1f0e-5d0b-4f2b-9a57-6d1e5b0d6c11")


def model_key(provider: str, name: str) -> str:
    """Return the public id of a model: the same on every node and after every restart."""
    return format_id("model", uuid.uuid5(_IDS, f"{provider}:{name}").int)


def provider_key(provider: str) -> str:
    """Return the public id of a provider."""
    return format_id("provider", uuid.uuid5(_IDS, provider).int)


def simulated_info(provider: str, name: str, description: str) -> ModelInfo:
    """Describe a simulated model."""
    return ModelInfo(
        id=model_key(provider, name),
        model_id=name,
        display_name=name,
        provider_id=provider_key(provider),
        provider_name="Simulated",
        provider_type=provider,
        capabilities=("chat", "tools", "reasoning"),
        model_vendor=provider,
        profile=Profile(
            name=name,
            family=provider,
            attachment=False,
            reasoning=True,
            tool_call=True,
            structured_output=False,
            temperature=False,
            open_weights=True,
            description=description,
            cost=Cost(0.0, 0.0),
            limits=Limits(1_000_000, 1_000_000),
            modalities=Modalities(("text",), ("text",)),
        ),
    )


def vendor_info(vendor: Vendor, name: str, *, is_healthy: bool, now: datetime) -> ModelInfo:
    """Describe a vendor's model at the prices of `now`; what nobody knows about it is left out."""
    profile = _profile(vendor, name, now)
    abilities = {"tools": profile.tool_call, "reasoning": profile.reasoning, "vision": profile.attachment}
    return ModelInfo(
        id=model_key(vendor.type, name),
        model_id=name,
        display_name=profile.name,
        provider_id=provider_key(vendor.type),
        provider_name=vendor.name,
        provider_type=vendor.type,
        capabilities=("chat", *(ability for ability, has in abilities.items() if has)),
        healthy=is_healthy,
        model_vendor=vendor.model_vendor,
        profile=profile,
    )


def described_info(
    driver: Vendor, provider: Provider, model: KeptModel, *, is_healthy: bool, now: datetime
) -> ModelInfo:
    """Describe a model of a provider of people's own; what it costs there is known of public vendors only."""
    known = vendor_info(driver, model.name, is_healthy=is_healthy, now=now)
    return msgspec.structs.replace(
        known,
        id=model.id,
        display_name=model.display_name,
        provider_id=provider.id,
        provider_name=provider.name,
        provider_type=provider.type,
        source=model.source,
        capabilities=model.capabilities or known.capabilities,
        enabled=model.is_enabled,
        is_favorite=model.is_favorite,
        is_stale=model.is_stale,
        created_at=model.created_at,
        updated_at=model.updated_at,
    )


def known_names(vendor: Vendor) -> tuple[str, ...]:
    """Return the vendor's current chat models as pydantic-ai lists them, the default first."""
    if vendor.known is None:
        return (vendor.default_model,)
    prefix = f"{vendor.known}:"
    every: tuple[str, ...] = import_module("pydantic_ai.models").known_model_names()
    names = (name.removeprefix(prefix) for name in every if name.startswith(prefix) and "-image" not in name)
    return tuple(dict.fromkeys((vendor.default_model, *names)))


def _profile(vendor: Vendor, name: str, now: datetime) -> Profile:
    facts, price = _traits(vendor, name), _priced(vendor, name)
    has_images = bool(facts.get("supports_image_input", vendor.api is not Api.CHAT))
    context = price.context_window if price else None
    output = facts.get("anthropic_max_output_tokens") or vendor.output_tokens
    return Profile(
        name=(price.name if price else None) or name,
        family=name.rpartition("/")[2].partition("-")[0],
        attachment=has_images,
        reasoning=bool(facts.get("supports_thinking", False)),
        tool_call=bool(facts.get("supports_tools", True)),
        structured_output=bool(facts.get("supports_json_schema_output", False)),
        temperature=not facts.get("thinking_always_enabled", False),
        open_weights="gpt-oss" in name or vendor.type in ("deepseek", "groq"),
        description=price.description if price else None,
        cost=_cost(price, now),
        limits=Limits(context, min(context, output)) if context else None,
        modalities=Modalities(("text", "image") if has_images else ("text",), ("text",)),
        reasoning_effort=_efforts(facts),
    )


def _traits(vendor: Vendor, name: str) -> Mapping[str, Any]:
    try:
        return provider_class(vendor).model_profile(name) or {}
    except import_module("pydantic_ai.exceptions").UserError:  # no name as this vendor gives them
        return {}


def _priced(vendor: Vendor, name: str) -> Any:
    if not vendor.prices:
        return None
    prices = import_module("genai_prices.data_snapshot").get_snapshot()
    try:
        return prices.find_provider_model(name, None, vendor.prices, None)[1]
    except LookupError:
        return None


def _cost(price: Any, now: datetime) -> Cost | None:
    prices: Mapping[str, Any] = price.get_prices(now).__dict__ if price else {}
    read, written, cached = (prices.get(f"{kind}_mtok") for kind in ("input", "output", "cache_read"))
    if read is None or written is None:
        return None
    starts = sorted({tier.start for part in (read, written) for tier in getattr(part, "tiers", ())})
    tiers = tuple(CostTier(start, _at(read, start), _at(written, start), _maybe(cached, start)) for start in starts)
    return Cost(_at(read, 0), _at(written, 0), _maybe(cached, 0), tiers)


def _at(price: Any, tokens: int) -> float:
    """Return the price that applies from so many input tokens on."""
    applying = [tier.price for tier in getattr(price, "tiers", ()) if tier.start <= tokens]
    return float(applying[-1] if applying else getattr(price, "base", price))


def _maybe(price: Any, tokens: int) -> float | None:
    return None if price is None else _at(price, tokens)


def _efforts(traits: Mapping[str, Any]) -> Efforts | None:
    """Return the levels a model takes; where the profile names none, those that pydantic-ai maps for it."""
    if not traits.get("supports_thinking"):
        return None
    named = traits.get("openai_reasoning_efforts") or {"low", "medium", "high"}
    can_stop = "none" in named or not traits.get("thinking_always_enabled", False)
    values = tuple(e for e in EFFORTS if e in named or (e == "none" and can_stop))
    default = "medium" if "medium" in values else values[-1]
    is_on = traits.get("thinking_enabled_by_default") or traits.get("thinking_always_enabled")
    return Efforts(default if is_on else values[0], tuple(Effort(value.capitalize(), value) for value in values))
