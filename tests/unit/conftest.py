"""The fence: a unit test that reaches outside its process fails."""

import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        message = "a unit test must not connect to anything: move it to tests/integration"
        raise AssertionError(message)

    monkeypatch.setattr(socket.socket, "connect", refuse)
