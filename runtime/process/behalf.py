"""For which organisation a task works, for what a process must share out between them."""

from contextvars import ContextVar
from typing import Final

ON_BEHALF_OF: Final[ContextVar[str]] = ContextVar("on_behalf_of", default="")  # an organisation's id
