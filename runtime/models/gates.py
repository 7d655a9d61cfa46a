"""What stands before the calls of a vendor's models: breakers, and the turnstile where there are limits."""

from dataclasses import dataclass

from runtime.models.breakers import Breakers
from runtime.models.turnstile import Turnstile


@dataclass(frozen=True, slots=True)
class Gates:
    """Those of one process. Each has a loop that must not end: `Breakers.share`, `Turnstile.keep`."""

    breakers: Breakers
    turnstile: Turnstile
