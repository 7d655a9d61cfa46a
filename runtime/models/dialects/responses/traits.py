"""What differs between OpenAI's models in a Responses request."""

from typing import Final, NamedTuple

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh")

_ALL: Final = EFFORTS
_NOT_MINIMAL: Final = ("none", "low", "medium", "high", "xhigh")
_ALWAYS: Final = ("low", "medium", "high", "xhigh")
_PRO: Final = ("medium", "high", "xhigh")
_O_SERIES: Final = ("low", "medium", "high")
_CODEX: Final = (None, "minimal", "low", "medium", "high", "xhigh")  # what turns it off is not known: nothing is sent


class Traits(NamedTuple):
    """`efforts` are those that a model takes, the least first, which is sent for none too; empty if it cannot reason.

    `keeps_reasoning`: it can be given the reasoning of all earlier turns. `has_phases`: it tells comments on the way
    from final answers. `compares_caches`: it can be asked how much of the last prompt was found in the cache.
    """

    efforts: tuple[str | None, ...]
    keeps_reasoning: bool = False
    has_phases: bool = False
    compares_caches: bool = False

    def effort(self, asked: str | None) -> str | None:
        """Return the effort to send: the least that is no less than what was asked for, else the most there is."""
        if asked is None or not self.efforts:
            return None
        if asked == "none":
            return self.efforts[0]
        least = EFFORTS.index(asked) if asked in EFFORTS else EFFORTS.index("medium")
        active = [effort for effort in self.efforts if effort not in (None, "none")]
        return next((effort for effort in active if EFFORTS.index(effort) >= least), active[-1])


def _current(efforts: tuple[str | None, ...]) -> Traits:
    return Traits(efforts, keeps_reasoning=True, has_phases=True, compares_caches=True)


_UNREASONING: Final = Traits(())

# By the beginning of the name; the first that fits.
_BY_NAME: Final[tuple[tuple[str, Traits], ...]] = (
    ("gpt-6-astra", _current(_ALWAYS)),
    ("gpt-6.1-sol", _current(_ALWAYS)),
    ("gpt-6.1-terra", _current(_NOT_MINIMAL)),
    ("gpt-6-sol", _current(_NOT_MINIMAL)),
    ("gpt-6-luna", _current(_NOT_MINIMAL)),
    ("gpt-5.6", _current(_NOT_MINIMAL)),
    ("gpt-5.5-pro", Traits(_PRO, keeps_reasoning=True, has_phases=True)),
    ("gpt-5.5", Traits(_ALL, keeps_reasoning=True, has_phases=True)),
    ("gpt-5.4-pro", Traits(_PRO, keeps_reasoning=True, has_phases=True)),
    ("gpt-5.4", Traits(_ALL, keeps_reasoning=True, has_phases=True)),
    ("gpt-5.3-chat", Traits(("medium",))),
    ("gpt-5.3-codex", Traits(_ALL, has_phases=True)),
    ("gpt-5.3", Traits(_ALL)),
    ("gpt-5.2-pro", Traits(_PRO)),
    ("gpt-5.2-chat", Traits(("medium",))),
    ("gpt-5.2", Traits(_ALL)),
    ("gpt-5.1-codex", Traits(_CODEX)),
    ("gpt-5.1-chat", Traits(("medium",))),
    ("gpt-5.1", Traits(_ALL)),
    ("gpt-5-chat", _UNREASONING),
    ("gpt-5-pro", Traits(("high",))),
    ("gpt-5-codex", Traits(_CODEX)),
    ("gpt-5", Traits(("minimal", "low", "medium", "high"))),
    ("o1", Traits(_O_SERIES)),
    ("o3", Traits(_O_SERIES)),
    ("o4", Traits(_O_SERIES)),
)


def traits(model: str) -> Traits:
    """Return what is known of a model by its name; of a name that nobody knows, that it cannot reason."""
    return next((known for start, known in _BY_NAME if model.startswith(start)), _UNREASONING)
