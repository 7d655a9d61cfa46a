"""Providers and models as settings name them: lists of models, and the limits of a provider."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from runtime.process.addresses import parted
from runtime.process.setting_group import Group

ModelKeys = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parted)]


class ProviderLimits(Group):
    """What a provider of models is asked at most, by all processes together; None: as much as there is."""

    concurrent: int | None = Field(None, ge=1, le=1_000_000, description="Calls under way at a time")
    requests_per_minute: int | None = Field(None, ge=1, le=100_000_000, description="Calls begun in a minute")
    tokens_per_minute: int | None = Field(
        None, ge=1, le=1_000_000_000_000, description="Tokens taken in a minute, in and out"
    )
