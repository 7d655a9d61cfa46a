"""One HTTP client and one pydantic-ai provider for each vendor that is used, for the life of the process.

The SDKs' own retries are off: the engine owns retries, for only it can journal them. The client is httpx2's with
aiohttp below, as OpenAI's SDK offers it: that takes a tenth less of the processor for each call.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

import httpx2
from openai import DefaultAioHttpClient
from pydantic_ai.models import Model, get_user_agent

from runtime.models import failures
from runtime.models.loading import client_class, model_class, preload, provider_class
from runtime.models.vendors import Api, Vendor
from runtime.process.settings import ModelSettings

_CONNECT_S: Final = 10.0
_MODELS_KEPT: Final = 100
_LIMITS: Final = httpx2.Limits(max_connections=100_000)  # a session's call never waits for another's


class Clients:
    """Connections to vendors, opened on first use and kept until `aclose`."""

    def __init__(self, settings: ModelSettings, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._stall_s = settings.stall_timeout_s
        patience_s = max(settings.first_byte_timeout_s, settings.stall_timeout_s)
        self._timeout = httpx2.Timeout(patience_s, connect=_CONNECT_S, pool=_CONNECT_S)
        self._providers: dict[str, Any] = {}
        self._models: dict[tuple[str, str], Model] = {}
        self._https: list[httpx2.AsyncClient] = []

    async def model(self, vendor: Vendor, name: str) -> Model:
        """Return a vendor's model.

        Raises:
            ModelRejectedError: nobody configured a key for the vendor.
        """
        api_key = self.api_key(vendor)
        if (known := self._models.get((vendor.type, name))) is not None:
            return known
        if vendor.type not in self._providers:
            await asyncio.to_thread(preload, (vendor,))
        if vendor.type not in self._providers:  # another call may have opened it meanwhile
            self._providers[vendor.type] = self._open(vendor, api_key)
        model: Model = model_class(vendor)(name, provider=self._providers[vendor.type], profile=_profile(vendor))
        if len(self._models) >= _MODELS_KEPT:
            self._models.clear()
        self._models[vendor.type, name] = model
        return model

    def api_key(self, vendor: Vendor) -> str:
        """Return a vendor's key.

        Raises:
            ModelRejectedError: nobody configured one.
        """
        api_key = vendor.api_key(self._environment)
        if api_key is None:
            raise failures.no_key(failures.party(vendor, vendor.address(self._environment)))
        return api_key

    async def aclose(self) -> None:
        """Close every connection."""
        self._providers.clear()
        self._models.clear()
        while self._https:
            await self._https.pop().aclose()

    async def _be_patient(self, request: httpx2.Request) -> None:
        """Wait for a reply as long as our settings say, whatever an SDK makes of them."""
        request.extensions["timeout"] = self._timeout.as_dict()

    async def _expect_no_stall(self, response: httpx2.Response) -> None:
        """Shorten the patience once the head of a reply is there."""
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Unstalled(response.stream, self._stall_s)

    def _http(self, **options: Any) -> httpx2.AsyncClient:
        return DefaultAioHttpClient(**options)

    def _open(self, vendor: Vendor, api_key: str) -> Any:
        http = self._http(
            timeout=self._timeout,
            limits=_LIMITS,
            headers={"User-Agent": get_user_agent()},
            follow_redirects=False,
            event_hooks={"request": [self._be_patient], "response": [self._expect_no_stall]},
        )
        self._https.append(http)
        make, address = provider_class(vendor), vendor.address(self._environment)
        if vendor.api is Api.GEMINI:
            return make(api_key=api_key, base_url=address, http_client=http)
        client = client_class(vendor)(
            api_key=api_key, base_url=address, http_client=http, max_retries=0, timeout=self._timeout
        )
        if vendor.api is Api.ANTHROPIC:
            return make(anthropic_client=client)
        name = (vendor.type,) if vendor.provider_class.startswith("openai_compatible:") else ()
        return make(*name, openai_client=client)


class _Unstalled(httpx2.AsyncByteStream):
    """The body of a reply, which may pause for no more than so many seconds."""

    def __init__(self, body: httpx2.AsyncByteStream, stall_s: float) -> None:
        self._body = body
        self._stall_s = stall_s

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Yield the body in pieces as they come. Raises httpx2.ReadTimeout."""
        async with aclosing(_pieces(self._body)) as pieces:
            while True:
                try:
                    async with asyncio.timeout(self._stall_s):
                        piece = await anext(pieces, None)
                except TimeoutError:
                    message = f"nothing came for {self._stall_s} s"
                    raise httpx2.ReadTimeout(message) from None
                if piece is None:
                    return
                yield piece

    async def aclose(self) -> None:
        """Close the connection, unless the body was read to its end."""
        await self._body.aclose()


async def _pieces(body: httpx2.AsyncByteStream) -> AsyncGenerator[bytes, None]:
    async for piece in body:
        yield piece


def _profile(vendor: Vendor) -> Mapping[str, object] | None:
    if vendor.api in (Api.CHAT, Api.OPENROUTER):
        # Without it, a connection that closes early would pass for the end of the answer.
        return {"openai_chat_streaming_requires_finish_reason": True}
    return None
