"""Providers and models as settings name them: lists of models, and the limits of a provider."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode

from runtime.process.addresses import parted

ModelKeys = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parted)]


class ProviderLimits(BaseModel):
    """What a provider of models is asked at most, by all processes together; None: as much as there is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    concurrent: int | None = Field(None, ge=1, le=1_000_000, description="Calls under way at a time")
    requests_per_minute: int | None = Field(None, ge=1, le=100_000_000, description="Calls begun in a minute")
    tokens_per_minute: int | None = Field(
        None, ge=1, le=1_000_000_000_000, description="Tokens taken in a minute, in and out"
    )
