"""What groups of settings are made of."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Carried(BaseModel):
    """Settings that were pickled by older or newer code: what is missing has its default, what is unknown is left."""

    def __setstate__(self, state: dict[Any, Any]) -> None:
        own = type(self).model_fields
        defaults = {name: field.get_default(call_default_factory=True) for name, field in own.items()}
        known = {name: value for name, value in state["__dict__"].items() if name in own}
        super().__setstate__(state | {"__dict__": defaults | known})


class Group(Carried):
    """A group of settings: fixed, and without fields that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
