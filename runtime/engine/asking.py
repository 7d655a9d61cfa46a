"""Asking until there is an answer: attempt after attempt, and along the chain of models."""

import asyncio
import contextlib
import random

import msgspec
import structlog

from runtime.core import event as ev
from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.core.failure import ANSWER_TOO_SLOW, CREDENTIALS_REFUSED, Disclosure, telling_of
from runtime.core.message import NO_USAGE
from runtime.core.retry import backoff_s
from runtime.core.session import draft as write
from runtime.core.session.draft import Draft
from runtime.core.storable import storable
from runtime.engine.answer import Answer
from runtime.engine.route import Route
from runtime.engine.session import LiveSession
from runtime.engine.showing import Showing
from runtime.ports.model import ModelRef, ModelReply, ModelRequest, ReasoningDelta, TextDelta, Waiting

log = structlog.get_logger(__name__)


class Asking:
    """One model call. `ref` is the model that is asked now.

    `attempts` counts those at it that failed, `retries` how often any was repeated, after `waited_s` in all. `spent` is
    what all whole answers took, also those that could not be used.
    """

    def __init__(self, session: LiveSession, showing: Showing, route: Route, disclosure: Disclosure) -> None:
        self._session = session
        self._showing = showing
        self._route = route
        self._disclosure = disclosure
        self._renewed: set[str] = set()  # models that were opened anew
        self.ref = route.start(session.turn.tried)
        self.attempts = 0
        self.retries = 0
        self.waited_s = 0.0
        self.spent = NO_USAGE

    async def open(self) -> None:
        """Learn where the model that is asked now is reached. Raises ModelRejectedError: it cannot be called."""
        self.ref = await self._route.open(self.ref)

    async def ask(self, request: ModelRequest) -> ModelReply:
        """Return the answer of the first model of the chain that gives one.

        Raises:
            ModelUnavailableError: every attempt at the last model failed in a way that might pass.
            ModelRejectedError: it was refused for good, or took too long in all.
        """
        limit_s = self._session.services.tunables.model_call_s
        clock = asyncio.timeout(limit_s)
        try:
            async with clock:
                return await self._along(request)
        except TimeoutError:
            if not clock.expired():
                raise
            message = f"It may take {limit_s:g} s, with all attempts (PERDURE_MODEL__CALL_TIMEOUT_S)."
            raise ModelRejectedError(message, ANSWER_TOO_SLOW, self.ref.provider) from None

    async def _along(self, request: ModelRequest) -> ModelReply:
        turn = self._session.turn
        while True:
            self.attempts = 0
            try:
                await self.open()
                return await self._until_answered(msgspec.structs.replace(request, model=self.ref))
            except (ModelUnavailableError, ModelRejectedError) as err:
                if await self._renew(err):
                    continue
                successor = self._route.after(err, turn.tried, self.ref)
                if successor is None:
                    raise
                await self._reroute(err, successor)

    async def _renew(self, err: ModelUnavailableError | ModelRejectedError) -> bool:
        """Take a model's newer endpoint if it refused the credentials of the one that was opened; tell whether it has.

        They lapse or are replaced while a turn lasts, which may be a day.
        """
        if err.failure != CREDENTIALS_REFUSED or self.ref.id in self._renewed:
            return False
        self._renewed.add(self.ref.id)
        renewed = await self._route.renewed(self.ref)
        if renewed is None:
            return False
        log.info("model_call_renewed", model=renewed.key)
        self._showing.drop()
        self.retries += 1
        self.ref = renewed
        return True

    async def _reroute(self, err: ModelUnavailableError | ModelRejectedError, successor: ModelRef) -> None:
        turn, ref = self._session.turn, self.ref
        with contextlib.suppress(ModelRejectedError):  # what is wrong with it is said when it is asked
            successor = await self._route.open(successor)
        log.info("model_call_rerouted", code=err.failure, model=ref.key, to=successor.key)
        self._showing.drop()
        told = telling_of(err, self._disclosure, self.attempts, self.waited_s)
        tried = ev.Tried(ref.label, ref.provider, ref.id, told.code, storable(told.words), self.attempts)
        data = ev.ReasonRerouted(turn_id=turn.turn_id, tried=tried, model=successor.label, provider=successor.provider)
        self._session.append(Draft(data, write.reason_context(turn)))
        self.ref = successor

    async def _until_answered(self, request: ModelRequest) -> ModelReply:
        tunables = self._session.services.tunables
        while True:
            try:
                return await self._stream(request)
            except ModelRejectedError:
                self.attempts += 1
                raise
            except ModelUnavailableError as err:
                self.attempts += 1
                attempt = request.attempt + 1
                most = self._most_attempts(err, request.model)
                if attempt >= most:
                    raise
                chance = random.random()  # noqa: S311  spreads retries, guards nothing
                delay_s = backoff_s(
                    request.attempt, tunables.retry_first_s, tunables.retry_most_s, chance, err.retry_after_s
                )
                self._showing.drop()
                self._tell(request, err, most, delay_s)
            self.retries += 1
            self.waited_s += delay_s
            await asyncio.sleep(delay_s)
            request = msgspec.structs.replace(request, attempt=attempt)

    def _most_attempts(self, err: ModelUnavailableError, ref: ModelRef) -> int:
        """Return how often a model may be asked: less if another one can take over, once if it asks for a long wait."""
        tunables = self._session.services.tunables
        if self._route.after(err, self._session.turn.tried, ref) is None:
            return tunables.model_attempts
        if err.is_held_back or err.retry_after_s > tunables.retry_most_s:
            return 1
        return min(tunables.attempts_before_fallback, tunables.model_attempts)

    def _tell(self, request: ModelRequest, err: ModelUnavailableError, most: int, delay_s: float) -> None:
        attempt = request.attempt + 1
        log.info("model_call_retried", code=err.failure, attempt=attempt, wait_s=round(delay_s, 3))
        turn = self._session.turn
        told = telling_of(err, self._disclosure, attempt, self.waited_s)
        data = ev.ReasonRetrying(
            turn_id=turn.turn_id,
            attempt=attempt,
            max_attempts=most,
            wait_ms=round(delay_s * 1000),
            error=storable(told.words),
            error_code=told.code,
            error_fields=told.fields,
            model=request.model.name,
        )
        self._session.send_delta(data, write.reason_context(turn))

    def _wait_for(self, provider: str, ref: ModelRef) -> None:
        turn = self._session.turn
        data = ev.ReasonWaiting(turn_id=turn.turn_id, provider=provider, model=ref.name)
        self._session.send_delta(data, write.reason_context(turn))

    async def _stream(self, request: ModelRequest) -> ModelReply:
        tunables, showing = self._session.services.tunables, self._showing
        is_json = request.response_format is not None
        limit_bytes, most_calls = tunables.answer_limit_bytes, tunables.calls_per_answer
        answer = Answer(request.model.provider, limit_bytes, most_calls, is_json=is_json)
        async with contextlib.aclosing(self._session.services.model.stream(request)) as items:
            async for item in items:
                if isinstance(item, ModelReply):
                    self.spent += item.usage
                match answer.take(item):
                    case TextDelta(text):
                        showing.say(request.model, text)
                    case ReasoningDelta(text):
                        showing.think(request.model, text)
                    case ModelReply() as reply:
                        return reply
                    case Waiting(provider):
                        self._wait_for(provider, request.model)
        raise ModelUnavailableError(message="The model's answer broke off.", provider=request.model.provider)
