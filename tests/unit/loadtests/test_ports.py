"""Where servers listen that are started more than once."""

import secrets
import socket
import sys
from pathlib import Path

import pytest

from loadtests import ports
from loadtests.ports import free_port

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which ports it gives to connections")
def test_no_connection_takes_the_port_of_a_server_that_is_down() -> None:
    first, last = map(int, EPHEMERAL.read_text().split())
    assert not first <= free_port() <= last


def test_a_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("", free_port())) as listener:
        taken, free = listener.getsockname()[1], free_port()
        numbers = iter([taken - ports.FIRST, free - ports.FIRST])
        monkeypatch.setattr(secrets, "randbelow", lambda _: next(numbers))
        assert free_port() == free
