"""What may be asked of a host."""

from typing import get_args

from runtime.host.asks import HANDLERS
from runtime.wire.protocol import Ask, Close, Unwatch, Watch

OF_THE_HOST = {Watch, Unwatch, Close}


def test_everything_that_can_be_asked_is_handled_by_a_session_or_its_host() -> None:
    assert {*HANDLERS, *OF_THE_HOST} == set(get_args(Ask))
    assert not HANDLERS.keys() & OF_THE_HOST
