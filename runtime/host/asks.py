"""What a client asks of a live session: it is done at once, the turn goes on with it, and the commit is the answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from runtime.core.access.principal import Principal
from runtime.core.errors import OverloadedError
from runtime.core.message import Message
from runtime.engine.engine import Engine
from runtime.process.failpoint import FailPoint, reach
from runtime.wire.protocol import Ask, Cancel, Decide, Rename, Send, Submit


async def perform(engine: Engine, ask: Ask, by: Principal) -> Any:
    """Do what is asked, and return the answer. Raises what the session refuses it with."""
    if not engine.is_resting:
        engine.kick()  # brought to life by this, it goes on even if this is refused
    return await HANDLERS[type(ask)](engine, ask, by)


async def landed(commit: "asyncio.Future[None] | None") -> None:
    """Wait for a commit, if there is one, which nobody's loss of patience stops."""
    if commit is not None:
        await asyncio.shield(commit)


async def _send(engine: Engine, ask: Send, by: Principal) -> Message:
    _check_room(engine)
    message, commit = engine.session.accept(ask.given, by.user_id)
    reach(FailPoint.MESSAGE_TAKEN)
    engine.kick()
    await landed(commit)
    return message


async def _cancel(engine: Engine, ask: Cancel, _by: Principal) -> bool:
    session = engine.session
    is_done = ask.is_repeated and session.has_cancelled(ask.note_id)
    is_late = ask.is_repeated and session.began_after(ask.note_id)
    is_done = is_done or (not is_late and engine.cancel(ask.note_id) is not None)
    await session.settled()
    return is_done


async def _submit(engine: Engine, ask: Submit, _by: Principal) -> str:
    _check_room(engine)
    session = engine.session
    commit = None if ask.is_repeated and session.has_taken(ask.results) else session.submit(ask.results)
    reach(FailPoint.RESULTS_TAKEN)
    status = str(session.state.status)
    engine.kick()
    await landed(commit)
    return status


async def _decide(engine: Engine, ask: Decide, _by: Principal) -> bool:
    session = engine.session
    commit = session.submit_decision(ask.decision)
    if commit is not None:
        engine.kick()
    await session.settled()  # also if it was decided already, perhaps a moment ago
    return commit is not None


async def _rename(engine: Engine, ask: Rename, _by: Principal) -> bool:
    is_another = engine.session.rename(ask.title)
    await engine.session.settled()
    return is_another


def _check_room(engine: Engine) -> None:
    if engine.session.services.journal.is_full:
        raise OverloadedError(1.0, "the database does not keep up")


HANDLERS: Final[Mapping[type[Ask], Callable[[Engine, Any, Principal], Awaitable[Any]]]] = {
    Send: _send,
    Cancel: _cancel,
    Submit: _submit,
    Decide: _decide,
    Rename: _rename,
}
