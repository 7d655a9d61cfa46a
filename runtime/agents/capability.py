"""Capabilities: bundles of prompt, tools and features that an agent is given.

A capability is one class in one file. Override what you need; everything else does nothing. Packages add
theirs through the entry point group `perdure.capabilities`: each entry is a class, or an instance. Their code is
trusted like ours: nothing confines it (docs/security.md).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ValidationError

from runtime.agents.tool import Tool
from runtime.core.authored.definition import AssignedCapability
from runtime.core.errors import InvalidInputError, NotFoundError
from runtime.core.failure import Disclosure

ENTRY_POINTS: Final = "perdure.capabilities"
MAX_ASSIGNED: Final = 250
MAX_RESOLVED: Final = 100


class Risk(StrEnum):
    """Who may assign it: `high` needs an administrator."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Capability:
    """Prompt + tools + features. One instance serves every session, so it keeps no state of its own.

    `Config` describes the `config` object that an assignment may carry; it is validated on write, and what
    the methods are given has its defaults filled in. Without a `Config` they are given what was written.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    description: ClassVar[str]
    category: ClassVar[str | None] = None
    icon: ClassVar[str | None] = None
    dependencies: ClassVar[tuple[str, ...]] = ()
    features: ClassVar[tuple[str, ...]] = ()
    aliases: ClassVar[tuple[str, ...]] = ()
    risk: ClassVar[Risk] = Risk.LOW
    Config: ClassVar[type[BaseModel] | None] = None

    def prompt(self, config: Mapping[str, Any]) -> str | None:
        """Return what to add to the system prompt: only behaviour that the tool schemas cannot convey."""
        return None

    def tools(self, config: Mapping[str, Any]) -> Sequence[Tool]:
        """Return the tools; by default every `@tool` of the class, inherited ones first, in the order written."""
        names = dict.fromkeys(name for cls in reversed(type(self).__mro__) for name in vars(cls))
        return [value for name in names if isinstance(value := getattr(self, name), Tool)]

    def error_disclosure(self, config: Mapping[str, Any]) -> Disclosure | None:
        """Return how much of a failed model call readers of the session are told; None to leave that to others."""
        return None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A capability that takes part, with its configuration."""

    capability: Capability
    config: Mapping[str, Any]


class Registry:
    """Every capability that this server offers, by id and alias.

    Raises:
        InvalidInputError: two of them have an id or alias in common, or one lacks what every one has.
    """

    def __init__(self, capabilities: Iterable[Capability]) -> None:
        self._by_id: dict[str, Capability] = {}
        self._ids: dict[str, str] = {}  # of ids and aliases
        for capability in capabilities:
            _check_class(capability)
            self._by_id[capability.id] = capability
            for key in (capability.id, *capability.aliases):
                if key in self._ids:
                    message = f"Two capabilities are called {key!r}: {self._ids[key]} and {capability.id}."
                    raise InvalidInputError(message, "duplicate_capability")
                self._ids[key] = capability.id

    def __iter__(self) -> Iterator[Capability]:
        return iter(self._by_id.values())

    def find(self, ref: str) -> Capability | None:
        """Return a capability by id or alias, None for one that this server does not have."""
        key = self._ids.get(ref)
        return None if key is None else self._by_id[key]

    def get(self, ref: str) -> Capability:
        """Return a capability by id or alias. Raises NotFoundError("capability")."""
        found = self.find(ref)
        if found is None:
            raise NotFoundError("capability", ref)
        return found

    def resolve(self, assigned: Iterable[AssignedCapability]) -> tuple[Resolved, ...]:
        """Return what the assignments of all layers come to, outermost layer first (docs/wire.md, "Layers").

        A capability keeps its first place and takes the last config that is given; dependencies come before
        what needs them. What this server does not have does nothing.

        Raises:
            InvalidInputError: a circle of dependencies, too many of them, or a config that no longer fits.
        """
        configs: dict[str, dict[str, Any]] = {}
        wanted: dict[str, None] = {}
        for assignment in assigned:
            capability = self.find(assignment.ref)
            if capability is not None:
                wanted[capability.id] = None
                if assignment.config is not None:
                    configs[capability.id] = assignment.config
        order: dict[str, None] = {}
        for key in wanted:
            self._visit(key, order, ())
        if len(order) > MAX_RESOLVED:
            message = f"At most {MAX_RESOLVED} capabilities may take part, with what they depend on."
            raise InvalidInputError(message, "too_many_capabilities")
        return tuple(Resolved(self._by_id[key], _configured(self._by_id[key], configs.get(key))) for key in order)

    def check(self, assigned: Sequence[AssignedCapability]) -> None:
        """Pass if the assignments of one layer may be stored. Unknown ones may, since another server may know them.

        Raises:
            InvalidInputError: too many, a config that does not fit, or a circle of dependencies.
        """
        if len(assigned) > MAX_ASSIGNED:
            message = f"At most {MAX_ASSIGNED} capabilities may be assigned."
            raise InvalidInputError(message, "too_many_capabilities")
        for assignment in assigned:
            capability = self.find(assignment.ref)
            if capability is not None:
                _configured(capability, assignment.config)
        self.resolve(assigned)

    def _visit(self, key: str, order: dict[str, None], path: tuple[str, ...]) -> None:
        """Put a capability after its dependencies; `path` is how we came here."""
        if key in path:
            message = f"Capabilities depend on each other in a circle: {' -> '.join((*path, key))}."
            raise InvalidInputError(message, "capability_cycle")
        if key in order:
            return
        for ref in self._by_id[key].dependencies:
            dependency = self.find(ref)
            if dependency is not None:
                self._visit(dependency.id, order, (*path, key))
        order[key] = None


def installed() -> list[Capability]:
    """Return the capabilities of installed packages.

    Raises:
        InvalidInputError: one cannot be loaded. The server does not start without it: agents that rely on it
            would do something else than their authors asked for.
    """
    return [_load(entry) for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)]


def _load(entry: EntryPoint) -> Capability:
    origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"
    try:
        loaded = entry.load()
        capability: Capability = loaded() if isinstance(loaded, type) else loaded
        _check_class(capability)
    except Exception as err:
        message = (
            f"The capability {entry.name!r} of {origin} ({entry.value}) cannot be loaded: {err!r}. Fix or remove it."
        )
        raise InvalidInputError(message, "broken_capability") from err
    else:
        return capability


def _check_class(capability: object) -> None:
    if not isinstance(capability, Capability):
        message = f"{capability!r} is not a perdure.Capability."
        raise InvalidInputError(message, "broken_capability")
    missing = [name for name in ("id", "name", "description") if not isinstance(getattr(capability, name, None), str)]
    if missing:
        message = f"{type(capability).__qualname__} lacks {', '.join(missing)}."
        raise InvalidInputError(message, "broken_capability")


def _configured(capability: Capability, config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if capability.Config is None:
        return config or {}
    try:
        return capability.Config.model_validate(config or {}).model_dump()
    except ValidationError as err:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in err.errors(include_url=False))
        message = f"The config of capability {capability.id} does not fit. {found}"
        raise InvalidInputError(message, "invalid_capability_config") from err
