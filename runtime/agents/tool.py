"""Tools: a name, a schema read from a signature, and what may be done when a call was interrupted."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MethodType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema

from runtime.agents.connection import Connection
from runtime.core.errors import ToolError
from runtime.core.event import Payload
from runtime.ports.files import Workspace
from runtime.ports.keys import KeyValues
from runtime.ports.model import ToolSpec
from runtime.ports.outbound import Outbound
from runtime.ports.secrets import SessionSecrets

_PREFIX: Final = "arg_"


class OnInterrupt(StrEnum):
    """What to do with a call whose outcome died with its process."""

    RETRY = "retry"  # safe to repeat: run it again with the same idempotency key
    ONCE = "once"  # not safe: tell the model that the outcome is unknown
    ASK = "ask"  # a person must look: the turn waits until somebody says what became of it


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What a tool may know of the session it runs in; `locale` and `hints` as the message of the turn has them."""

    session_id: str
    agent_id: str | None
    title: str | None
    locale: str | None
    turn_id: str
    created_at: str
    message_count: int
    hints: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """One call's surroundings.

    `idempotency_key` is the same on every attempt of this call, also after a crash and on another machine, and
    no other call of any session has it (39 visible ASCII characters). A tool that asks another service to do
    something sends it along, as the `Idempotency-Key` header or whatever that service takes. The
    `tool_call_id` is a vendor's: it may come again in another session.

    `secrets` are the session's: a tool that needs one is told its name, reveals it, uses it, and keeps it out of what
    it answers, says and raises. `connection("github")` is the account there of the user whom the turn answers.

    `emit` says something while the tool runs, in order and without waiting. While the database is away it keeps the
    latest output only (`tool.output.delta`), and drops progress once too much waits: both are logged.

    `outbound` asks the Internet, as far as the agent's `network_access` goes and never inside: whatever URL a model
    came by is safe to give to it, and to nothing else.
    """

    tool_call_id: str
    idempotency_key: str
    session: SessionInfo
    files: Workspace
    keys: KeyValues
    secrets: SessionSecrets
    connection: Callable[[str], Connection]
    now: Callable[[], datetime]
    outbound: Outbound
    emit: Callable[[Payload], None]  # takes what a tool may tell (`EMITTED` in act.py)


Run = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that runs beside the session.

    `run(context, **arguments)` answers with a string or any JSON value; what it raises as `ToolError`
    the model reads, anything else becomes "the tool failed" and a log entry.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    run: Run
    on_interrupt: OnInterrupt = OnInterrupt.ONCE
    display_name: str | None = None
    hints: dict[str, Any] = field(default_factory=dict)
    concurrency_class: str | None = None
    timeout_s: float | None = None
    arguments: type[BaseModel] | None = None
    is_method: bool = False

    def __get__(self, instance: object | None, owner: type | None = None) -> "Tool":
        if instance is None or not self.is_method:
            return self
        return replace(self, run=MethodType(self.run, instance), is_method=False)

    @property
    def spec(self) -> ToolSpec:
        """The part that the model sees."""
        return ToolSpec(self.name, self.description, self.parameters)

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Validate and coerce what the model sent.

        Raises:
            ToolError: the arguments do not fit the schema; the words say where.
        """
        if self.arguments is None:
            return arguments
        try:
            model = self.arguments.model_validate(arguments)
        except ValidationError as err:
            raise ToolError(_explain(err)) from err
        return {name.removeprefix(_PREFIX): getattr(model, name) for name in model.model_fields_set}


def tool(
    *,
    name: str | None = None,
    on_interrupt: OnInterrupt = OnInterrupt.ONCE,
    display_name: str | None = None,
    hints: dict[str, Any] | None = None,
    concurrency_class: str | None = None,
    timeout_s: float | None = None,
) -> Callable[[Run], Tool]:
    """Make a tool of an `async def f(context, ...)`, or of a method `(self, context, ...)` of a capability.

    Its docstring describes it to the model, its signature is the schema; `Annotated[..., Field(description=...)]`
    says more of an argument. `hints` go with the tool as they are, such as `{"readonly": True}`; calls that share a
    `concurrency_class` run one after the other.
    """

    def make(function: Run) -> Tool:
        is_method, arguments = _arguments(function)
        return Tool(
            name=name or function.__name__,
            description=inspect.cleandoc(function.__doc__ or ""),
            parameters=_schema(arguments),
            run=function,
            on_interrupt=on_interrupt,
            display_name=display_name,
            hints=hints or {},
            concurrency_class=concurrency_class,
            timeout_s=timeout_s,
            arguments=arguments,
            is_method=is_method,
        )

    return make


class _Arguments(BaseModel):
    # Fields are prefixed, so that an argument may be called `json` or `copy`; the alias is its name.
    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: name.removeprefix(_PREFIX))


class _Untitled(GenerateJsonSchema):
    """Titles repeat the names, and the model pays for every token."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _arguments(function: Run) -> tuple[bool, type[BaseModel]]:
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    is_method = bool(parameters) and parameters[0].name == "self"
    parameters = parameters[is_method:]
    if not inspect.iscoroutinefunction(function) or not parameters or parameters[0].annotation is not ToolContext:
        message = f"{function.__qualname__} must be an `async def` whose first argument is `context: ToolContext`."
        raise TypeError(message)
    if any(p.annotation is p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        message = f"Every argument of {function.__qualname__} needs a type; *args and **kwargs are not allowed."
        raise TypeError(message)
    fields: dict[str, Any] = {
        _PREFIX + p.name: (p.annotation, ... if p.default is p.empty else p.default) for p in parameters[1:]
    }
    return is_method, create_model(function.__name__, __base__=_Arguments, **fields)


def _schema(arguments: type[BaseModel]) -> dict[str, Any]:
    schema = arguments.model_json_schema(schema_generator=_Untitled)
    schema.pop("title", None)
    for definition in schema.get("$defs", {}).values():
        definition.pop("title", None)
    return schema


def _explain(err: ValidationError) -> str:
    lines = (f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in err.errors())
    return "Invalid arguments. " + "; ".join(lines)
