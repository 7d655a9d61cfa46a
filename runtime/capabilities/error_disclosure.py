"""How much of a failed model call is told to whoever reads the session."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from runtime.agents.capability import Capability
from runtime.core.failure import Disclosure


class DisclosureConfig(BaseModel):
    """`generic`: that something failed; `standard`: what, and what to mend; `detailed`: the vendor's own words too."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["generic", "standard", "detailed"] = "standard"


class ErrorDisclosure(Capability):
    """A message may narrow it for its turn (`controls.error_disclosure`), never widen it."""

    id = "error_disclosure"
    name = "Error disclosure"
    description = "Chooses how much of a failed model call is told in the conversation."
    category = "core"
    Config = DisclosureConfig

    def error_disclosure(self, config: Mapping[str, Any]) -> Disclosure | None:
        """Return what the assignment chose."""
        return Disclosure[config["mode"].upper()]
