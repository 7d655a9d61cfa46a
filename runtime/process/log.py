"""Logging: structlog for our own entries and, in the same form, those of libraries. To standard error.

Entries never hold message content, tool arguments or secrets; the redactor here is the safety net, not the plan.
"""

import logging
import logging.config
import re
import sys
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from runtime.process.redaction import held, without_looks
from runtime.process.veil import HIDDEN

_SECRET_NAME: Final = re.compile(
    r"(^|_)(password|passwd|secret|token|api_?key|authorization|cookie|dsn|database_url|key_material)$", re.IGNORECASE
)
_TALKATIVE: Final = ("httpx", "httpx2")  # a line for each request, of which a turn makes some
_INDISCREET: Final = ("sse_starlette",)  # at level debug, whatever is sent
_DEPTH: Final = 6  # deeper values are cut off: no entry of ours nests like that
_MAX_CHARS: Final = 32_768  # of one text; a traceback seldom has as many
_MAX_ITEMS: Final = 1_000


def set_up(level: str, *, as_json: bool | None = None, stream: TextIO | None = None) -> None:
    """Configure logging for this process; a later call replaces an earlier one.

    Args:
        level: debug, info, warning or error.
        as_json: one JSON object a line, or text for people; None takes text if the stream is a terminal.
        stream: where to write; standard error by default.
    """
    target = stream or sys.stderr
    is_json = not target.isatty() if as_json is None else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.MaybeTimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a logger made before this call obeys it too
    )
    renderer: Processor = _render_json if is_json else structlog.dev.ConsoleRenderer(colors=target.isatty())
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared[:-1], structlog.stdlib.PositionalArgumentsFormatter(), redact],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [*root.handlers]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _INDISCREET:
        logging.getLogger(name).setLevel(logging.INFO)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.NOTSET if root.level < logging.INFO else logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module, typed."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def relay(line: str) -> None:
    """Log an entry that another process of ours wrote as JSON; what else it wrote is not for our log.

    Of what happens there all the time nothing is told but at level debug: only warnings and errors.
    """
    try:
        entry = msgspec.json.decode(line, type=dict[str, Any])
        level, logger, event = (entry.pop(name) for name in ("level", "logger", "event"))
    except (msgspec.DecodeError, KeyError):
        return
    number = logging.getLevelNamesMapping().get(str(level).upper(), logging.ERROR)
    if number >= logging.WARNING or logging.getLogger().isEnabledFor(logging.DEBUG):
        get_logger(str(logger)).log(number, str(event), **entry)


def redact(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Hide values whose name or look says that they are secret, at any depth."""
    # Names with an underscore in front are structlog's own bookkeeping.
    return {name: value if name[0] == "_" else _redacted(name, value, _DEPTH) for name, value in entry.items()}


def _redacted(name: str, value: Any, depth: int) -> Any:
    if _SECRET_NAME.search(name):
        return HIDDEN
    match value if depth else "…":
        case str(text):
            return without_looks(_cut(held.hide_all(text)))
        case Mapping() as mapping:
            first = islice(mapping.items(), _MAX_ITEMS)
            return {_cut(str(key)): _redacted(str(key), inner, depth - 1) for key, inner in first}
        case list() | tuple() as items:
            return [_redacted(name, item, depth - 1) for item in items[:_MAX_ITEMS]]
        case other:
            return other


def _cut(text: str) -> str:
    """Return a text that can be written, shortened at the end of a word: half a secret is not recognised."""
    text = text.encode(errors="replace").decode()
    if len(text) <= _MAX_CHARS:
        return text
    start = text[:_MAX_CHARS]
    end = max(start.rfind(" "), start.rfind("\n"), 0)
    return f"{start[:end]} … ({len(text)} characters)"


def _render_json(_logger: WrappedLogger, _method: str, entry: EventDict) -> str:
    return msgspec.json.encode(entry, enc_hook=repr).decode()
