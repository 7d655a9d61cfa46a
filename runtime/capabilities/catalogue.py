"""Every capability that comes along. A new one is a file here and a line below."""

from typing import Final

from runtime.agents.capability import Capability
from runtime.capabilities.current_time import CurrentTime
from runtime.capabilities.error_disclosure import ErrorDisclosure
from runtime.capabilities.noop import Noop
from runtime.capabilities.session import SessionDetails
from runtime.capabilities.session_file_system import SessionFileSystem
from runtime.capabilities.session_storage import SessionStorage
from runtime.capabilities.stateless_todo_list import StatelessTodoList
from runtime.capabilities.test_math import Arithmetic
from runtime.capabilities.test_weather import Weather

BUILT_IN: Final[tuple[Capability, ...]] = (
    CurrentTime(),
    SessionFileSystem(),
    SessionDetails(),
    SessionStorage(),
    StatelessTodoList(),
    Arithmetic(),
    Weather(),
    ErrorDisclosure(),
    Noop(),
)
