"""Field types that several bodies share, with their limits (docs/wire.md, "Limits")."""

from datetime import UTC, datetime
from typing import Annotated, Final, NoReturn

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from runtime.core.authored import names

MAX_FALLBACKS: Final = 8
MAX_CAPABILITIES: Final = 250
MAX_TOOLS: Final = 50
MAX_TAGS: Final = 100
MAX_SCHEMA_BYTES: Final = 10_240
MAX_INT: Final = 2**31 - 1
_INVALID: Final = "invalid"
_TOO_LARGE: Final = "limit_exceeded"
_TEMPLATE: Final = "{message}"


class Body(BaseModel):
    """A request body: typed strictly, unknown fields ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, populate_by_name=True, frozen=True)


class Reply(BaseModel):
    """A reply body, as the OpenAPI document describes it."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, frozen=True)


Name = Annotated[str, StringConstraints(pattern=names.PATTERN, max_length=names.MAX_CHARS)]
DisplayName = Annotated[str, StringConstraints(max_length=2048)]
Description = Annotated[str, StringConstraints(max_length=10_240)]
Prompt = Annotated[str, StringConstraints(max_length=1_048_576)]
Title = Annotated[str, StringConstraints(max_length=2048)]
Tag = Annotated[str, StringConstraints(max_length=256)]
Locale = Annotated[str, StringConstraints(max_length=64)]
ModelKey = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Iterations = Annotated[int, Field(ge=1, le=100_000)]


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as err:
        message = "the time is out of range"
        raise ValueError(message) from err


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


def refuse(message: str) -> NoReturn:
    """End validation with these words."""
    raise PydanticCustomError(_INVALID, _TEMPLATE, {"message": message})


def refuse_size(message: str) -> NoReturn:
    """End validation with an error that is answered as one of size."""
    raise PydanticCustomError(_TOO_LARGE, _TEMPLATE, {"message": message})
