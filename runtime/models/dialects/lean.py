"""A `Model` for every vendor whose protocol is one of the dialects.

A stream that stops without its proper end is an error, however much it said before: half an answer, or half the
arguments of a call, must never be taken for a whole one.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Final

import aiohttp
import msgspec

from runtime.core.errors import ForbiddenError
from runtime.models import failures
from runtime.models.dialects.anthropic.anthropic import Anthropic
from runtime.models.dialects.chat.chat import Chat
from runtime.models.dialects.chat.openrouter import OpenRouter
from runtime.models.dialects.converse.converse import Converse
from runtime.models.dialects.dialect import CutOffError, Dialect, RefusedError, UnusableError
from runtime.models.dialects.exchange import Exchanges
from runtime.models.dialects.gemini.gemini import Gemini
from runtime.models.dialects.gemini.vertex import Vertex
from runtime.models.dialects.refusals import broken, refusal
from runtime.models.dialects.reply import reply
from runtime.models.dialects.responses.responses import Responses
from runtime.models.dialects.transport import Transport
from runtime.models.lines import Line, line_of
from runtime.models.vendors import Api, Vendor
from runtime.ports.model import ModelRequest, StreamItem

DIALECTS: Final[Mapping[Api, Dialect]] = {
    Api.RESPONSES: Responses(),
    Api.CHAT: Chat(),
    Api.OPENROUTER: OpenRouter(),
    Api.ANTHROPIC: Anthropic(),
    Api.GEMINI: Gemini(),
    Api.VERTEX: Vertex(),
    Api.CONVERSE: Converse(),
}

BROKEN: Final = (
    CutOffError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    msgspec.MsgspecError,
    ValueError,
    RecursionError,
)


# Not all that an answer makes us keep is shown as it comes, and the engine bounds what is. Token by token, events have
# some 50 times the bytes that they carry, and a few repeat what was asked.
STREAM_BYTES: Final = 64  # for each that the answer may have
STREAM_ROOM_BYTES: Final = 32 << 20


class LeanModel:
    """Belongs to one event loop. `environment` holds the vendors' keys and addresses under their usual names.

    An answer may have `limit_bytes`.
    """

    def __init__(self, transport: Transport, environment: Mapping[str, str], limit_bytes: int) -> None:
        self._transport = transport
        self._environment = environment
        self._limit_bytes = limit_bytes
        self._exchanges = Exchanges()

    def speaks(self, vendor: Vendor) -> bool:
        """Tell whether a vendor's protocol is a dialect."""
        return vendor.api in DIALECTS

    async def aclose(self) -> None:
        """Close the connections to all vendors."""
        await self._transport.aclose()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        """Stream one answer; closing the generator closes the connection.

        Raises:
            ModelUnavailableError: throttled, down, timed out or broken off; a later attempt may work.
            ModelRejectedError: refused for good, with a code of `runtime.core.failure` in `failure`.
        """
        line = line_of(request.model, self._environment)
        party, dialect = failures.party(line.vendor, line.base_url), DIALECTS[line.vendor.api]
        try:
            await line.log_in()
            async with aclosing(self._answer(line, dialect, request)) as items:
                async for item in items:
                    yield item
        except RefusedError as err:
            told = refusal(dialect.explained(err), party, line.shown)
            line.refused(err.status)
            raise told from err
        except UnusableError as err:
            raise failures.unusable(party, str(err), is_full=err.is_full) from err
        except ForbiddenError as err:
            raise failures.misled(party, str(err)) from err
        except BROKEN as err:
            raise broken(err, party) from err

    async def _answer(self, line: Line, dialect: Dialect, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        vendor, model = line.vendor, request.model.name
        recalled_as = dialect.recalled_as(vendor, model)
        exchange = self._exchanges.tell(dialect, recalled_as, request.history)
        url = line.base_url + dialect.path(model)

        async def ask(how: Dialect) -> AsyncIterator[bytes]:
            body = how.body(vendor, request, exchange.conversation)
            headers = line.headers(how.headers(line.api_key, request), url, body)
            asking = self._transport.post(url, headers, body, is_trusted=line.is_trusted)
            return await stack.enter_async_context(asking)

        async with AsyncExitStack() as stack:
            try:
                pieces = await ask(dialect)
            except RefusedError as err:
                other = dialect.after(request, err)
                if other is None:
                    raise
                pieces = await ask(other)
            events, reading = dialect.framing(), dialect.reading(vendor, model)
            left_bytes = STREAM_ROOM_BYTES + STREAM_BYTES * self._limit_bytes
            async for piece in pieces:
                left_bytes -= len(piece)
                if left_bytes < 0:
                    raise failures.endless(vendor.type, self._limit_bytes)
                for data in events.feed(piece):
                    for item in reading.hear(data):
                        yield item
        yield reply(reading.whole(), vendor, model, exchange.call_ids, recalled_as)
