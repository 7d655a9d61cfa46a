"""What a session does next, as a table."""

import pytest

from runtime.core import event as ev
from runtime.core.session import draft as write
from runtime.core.session.state import Status
from runtime.core.session.turn import (
    AskClient,
    AwaitClient,
    CallModel,
    Directive,
    Finish,
    Rest,
    RunTools,
    StartTurn,
    decide,
    is_steered,
)
from tests.unit.core.logs import ADD, ASK, LOOK, TIME, Log

CLIENT = ("ask_human",)
COMPLETED = ev.TurnCompleted(turn_id="t1", iterations=1)
ACT_DONE = ev.ActCompleted(completed=True, success_count=1, error_count=0)


@pytest.mark.parametrize(
    ("log", "directive"),
    [
        (Log(), Rest()),
        (Log().said("m1").said("m2"), StartTurn("m1")),
        (Log().started(), CallModel(is_resumed=False)),
        (Log().reasoning(), CallModel(is_resumed=True)),
        (Log().answered(), Finish()),
        (Log().failed(), Finish()),
        (Log().failed().said("m2"), Finish()),
        (Log().answered().said("m2"), CallModel(is_resumed=False)),
        (Log().answered("", ADD, LOOK), RunTools((ADD, LOOK), ())),
        (Log().answered("", ADD, ASK), RunTools((ADD,), ())),
        (Log().answered("", ASK), AskClient((ASK,))),
        (Log().acting(), RunTools((ADD, LOOK), ())),
        (Log().acting().tool_started(ADD), RunTools((LOOK,), (ADD,))),
        (Log().acting().tool_started(ADD).tool_done(ADD), RunTools((LOOK,), ())),
        (Log().acting().tool_started(ADD).tool_done(ADD).tool_done(LOOK), CallModel(is_resumed=False)),
        (Log().acting(ADD, ASK).tool_done(ADD), AskClient((ASK,))),
        (Log().acting(ADD).tool_done(ADD).add(ACT_DONE), CallModel(is_resumed=False)),
        (Log().waiting(), AwaitClient(TIME)),
        (Log().waiting().said("m2"), AwaitClient(TIME)),
        (Log().waiting().tool_done(ASK), CallModel(is_resumed=False)),
        (Log().answered().add(COMPLETED), Rest()),
        (Log().answered().add(COMPLETED).add(ev.SessionIdled(turn_id="t1")), Rest()),
        (Log().answered().add(COMPLETED).add(ev.SessionIdled(turn_id="t1")).said("m2"), StartTurn("m2")),
    ],
)
def test_the_next_directive_follows_from_the_state(log: Log, directive: Directive) -> None:
    assert decide(log.state, CLIENT, 10) == directive


def test_the_last_iteration_finishes_whatever_the_model_still_wants() -> None:
    assert decide(Log().answered("", ADD).state, CLIENT, 1) == Finish()
    assert decide(Log().answered().said("m2").state, CLIENT, 1) == Finish()
    assert decide(Log().answered("", ADD).state, CLIENT, 2) == RunTools((ADD,), ())


def test_a_batch_that_has_begun_is_brought_to_its_end_though_the_limit_was_lowered_meanwhile() -> None:
    assert decide(Log().acting().tool_started(ADD).tool_done(ADD).state, CLIENT, 1) == RunTools((LOOK,), ())


def test_asking_does_not_change_the_state() -> None:
    log, same = Log().acting().tool_started(ADD), Log().acting().tool_started(ADD)
    decide(log.state, CLIENT, 10)
    assert log.state == same.state


def test_a_turn_is_steered_only_by_a_message_that_the_model_has_not_heard() -> None:
    log = Log().said("m1").said("m2").answered()
    assert not is_steered(log.state, log.turn)
    log.said("m3")
    assert is_steered(log.state, log.turn)


def test_what_no_model_has_heard_when_a_turn_ends_begins_a_turn_of_its_own() -> None:
    """Promised: whatever was accepted is answered, also if it came while the last call was failing."""
    for log in (Log().failed(), Log().answered()):
        assert log.said("m2").state.waiting_inputs == ["m2"]
        log.draft(*write.finish_turn(log.state, log.turn, TIME))
        assert (decide(log.state, CLIENT, 1), log.state.status) == (StartTurn("m2"), Status.ACTIVE)


def test_what_was_said_to_a_turn_that_is_cancelled_is_cancelled_with_it() -> None:
    log = Log().reasoning().said("m2")
    log.draft(*write.cancel_turn(log.state, log.turn, "", TIME, lambda _: "note"))
    assert (decide(log.state, CLIENT, 1), log.state.status) == (Rest(), Status.IDLE)
