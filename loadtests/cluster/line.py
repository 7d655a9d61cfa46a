"""Calls from one process of the benchmark to another, in the manner of Ray's handles, over a socket.

A call raises what Ray raises: RayTaskError for what went wrong over there, ActorUnavailableError where nobody answers.
"""

import asyncio
import itertools
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Coroutine
from contextlib import aclosing
from typing import Any

from ray.exceptions import ActorUnavailableError, RayTaskError

from loadtests.cluster.pipe import BUFFER_BYTES, Pipe
from runtime.core.errors import PerdureError
from runtime.process.tasks import Tasks

Reply = tuple[Any, Exception | None, bool]  # what came, or what went wrong; whether it is the last


class Line:
    """The way to whoever serves at a path; dialled when first needed, and anew after it broke."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._tasks = Tasks()
        self._numbers = itertools.count()
        self._replies: dict[int, asyncio.Queue[Reply]] = {}
        self._dialling: asyncio.Task[Pipe] | None = None

    async def call(self, method: str, *arguments: Any) -> Any:
        """Return what a method over there returns."""
        async with aclosing(self._ask(method, arguments)) as replies:
            value, _ = await anext(replies)
        return value

    async def stream(self, method: str, *arguments: Any) -> AsyncGenerator[Any, None]:
        """Yield what a method over there yields."""
        async with aclosing(self._ask(method, arguments)) as replies:
            async for value, is_last in replies:
                if not is_last:
                    yield value

    async def is_open(self) -> bool:
        """Tell whether somebody answers there."""
        try:
            await self._connected()
        except ActorUnavailableError:
            return False
        return True

    async def close(self) -> None:
        """Hang up."""
        await self._tasks.close()

    async def _ask(self, method: str, arguments: tuple[Any, ...]) -> AsyncGenerator[tuple[Any, bool], None]:
        number, replies = next(self._numbers), asyncio.Queue[Reply]()
        self._replies[number] = replies
        is_last = False
        try:
            pipe = await self._connected()
            await pipe.send((number, method, arguments))
            while not is_last:
                value, error, is_last = await replies.get()
                if isinstance(error, ActorUnavailableError):
                    raise error
                if error is not None:
                    raise _as_ray_tells(method, error) from None
                yield value, is_last
        except OSError as err:
            raise ActorUnavailableError(repr(err), None) from None
        finally:
            del self._replies[number]

    async def _connected(self) -> Pipe:
        if self._dialling is None:
            self._dialling = self._tasks.owed(self._dial(), "dial", lambda _: None)
        dialling = self._dialling
        try:
            return await asyncio.shield(dialling)
        except OSError as err:
            if self._dialling is dialling:
                self._dialling = None
            raise ActorUnavailableError(repr(err), None) from None

    async def _dial(self) -> Pipe:
        pipe = Pipe(*await asyncio.open_unix_connection(self._path, limit=BUFFER_BYTES))
        self._tasks.owed(self._listen(pipe), "listen")
        return pipe

    async def _listen(self, pipe: Pipe) -> None:
        try:
            async for number, *reply in pipe:
                if number in self._replies:
                    self._replies[number].put_nowait(tuple(reply))
        finally:
            pipe.close()
        self._dialling = None
        for replies in self._replies.values():
            replies.put_nowait((None, ActorUnavailableError("it hung up", None), True))


class Handle:
    """A handle as Ray's: `handle.method.remote(…)`. What is `bound` goes ahead of the arguments of every call."""

    def __init__(self, line: Line, *bound: Any) -> None:
        self._line = line
        self.bound = bound

    def __getattr__(self, name: str) -> "Method":
        return Method(self._line, name, self.bound)


class Method:
    """One method of a handle."""

    def __init__(self, line: Line, name: str, bound: tuple[Any, ...]) -> None:
        self._line = line
        self._name = name
        self._bound = bound

    def remote(self, *arguments: Any) -> Awaitable[Any]:
        """Begin a call, also if nobody waits for it."""
        calling = asyncio.ensure_future(self._line.call(self._name, *self._bound, *arguments))
        calling.add_done_callback(lambda done: done.cancelled() or done.exception())
        return calling

    def options(self, *, num_returns: str, **_: object) -> "Streaming":
        """Return the method as one that yields."""
        if num_returns != "streaming":
            message = f"Ray is played here without num_returns={num_returns}, which the product did not use."
            raise ValueError(message)
        return Streaming(self._line, self._name, self._bound)


class Streaming:
    """One method of a handle that yields."""

    def __init__(self, line: Line, name: str, bound: tuple[Any, ...]) -> None:
        self._line = line
        self._name = name
        self._bound = bound

    async def remote(self, *arguments: Any) -> AsyncIterator[Awaitable[Any]]:
        """Yield what is to be awaited for each item."""
        async with aclosing(self._line.stream(self._name, *self._bound, *arguments)) as items:
            async for item in items:
                ref: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                ref.set_result(item)
                yield ref


async def listen(path: str, target: object) -> asyncio.Server:
    """Have an object's methods called over a socket, as many at once as are called. The server must be kept."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipe, tasks = Pipe(reader, writer), Tasks()
        async for number, method, arguments in pipe:
            tasks.owed(_answer(pipe, number, getattr(target, method)(*arguments)), "answer")
        await tasks.close()
        pipe.close()

    return await asyncio.start_unix_server(take, path, limit=BUFFER_BYTES)


async def _answer(pipe: Pipe, number: int, answer: Coroutine[Any, Any, Any] | AsyncGenerator[Any]) -> None:
    try:
        if isinstance(answer, AsyncGenerator):
            async with aclosing(answer):
                async for item in answer:
                    await pipe.send((number, item, None, False))
            value = None
        else:
            value = await answer
        await pipe.send((number, value, None, True))
    except ConnectionError:
        pipe.close()  # whoever called is gone
    except Exception as err:  # noqa: BLE001  as with Ray, whoever called hears of it
        await pipe.send((number, None, _told(err), True))


def _as_ray_tells(method: str, error: Exception) -> RayTaskError:
    return RayTaskError(method, str(error), error, "played", ip="127.0.0.1")  # type: ignore[no-untyped-call]  # Ray's


def _told(err: Exception) -> Exception:
    if isinstance(err, PerdureError):
        return err
    return RuntimeError("".join(traceback.format_exception(err)))
