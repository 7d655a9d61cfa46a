"""What an answer costs, by the prices of genai-prices, which are loaded on first use."""

from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from runtime.models.dialects.dialect import Used

_KEPT: Final = 1_000  # models


def cost_usd(used: Used, provider: str, model: str, service_tier: str | None = None) -> float | None:
    """Return US dollars, or None if no price is known for this model. `service_tier` is the speed that was given."""
    priced = _priced(provider, model)
    if priced is None:
        return None
    of_provider, info = priced
    tokens = import_module("genai_prices").Usage(
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cache_read_tokens=used.cache_read_tokens or None,
        cache_write_tokens=used.cache_write_tokens or None,
    )
    context = {"service_tier": service_tier} if service_tier is not None else None
    try:
        return float(info.calc_price(tokens, of_provider, price_context=context).total_price)
    except (LookupError, ValueError, AssertionError):
        return None


@lru_cache(_KEPT)
def _priced(provider: str, model: str) -> tuple[Any, Any] | None:
    """Return what genai-prices calls the provider and the model. It looks through all that it knows."""
    if not provider:
        return None  # whoever serves it, for whatever it costs
    try:
        found: tuple[Any, Any] = (
            import_module("genai_prices.data_snapshot").get_snapshot().find_provider_model(model, None, provider, None)
        )
    except LookupError:
        return None
    return found
