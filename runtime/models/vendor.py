"""Any vendor's model through pydantic-ai, for protocols that are no dialect: messages in, a stream out.

A stream that stops without its proper end is an error, however much it said before: half an answer, or half
the arguments of a call, must never be taken for a whole one.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, cast

from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import InstructionPart, ModelResponse
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings as Wishes
from pydantic_ai.tools import ToolDefinition

from runtime.models import failures
from runtime.models.clients import Clients
from runtime.models.messages import transcript
from runtime.models.replies import Deltas, call_ids, recalled, reply
from runtime.models.vendor_errors import translated
from runtime.models.vendors import BY_TYPE, Api, Vendor
from runtime.ports.model import ModelReply, ModelRequest, StreamItem
from runtime.process.settings import ModelSettings

_THINKING: Final[Mapping[str, Any]] = {
    "none": False,
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
}


class VendorModel:
    """A `Model` for every vendor of the table."""

    def __init__(self, settings: ModelSettings, environment: Mapping[str, str]) -> None:
        self._first_byte_s = settings.first_byte_timeout_s
        self._environment = environment
        self._clients = Clients(settings, environment)

    async def aclose(self) -> None:
        """Close the connections to all vendors."""
        await self._clients.aclose()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        """Stream one answer; closing the generator closes the connection.

        Raises:
            ModelUnavailableError: throttled, down, timed out or broken off; a later attempt may work.
            ModelRejectedError: refused for good, with a code of `runtime.core.failure` in `failure`.
        """
        vendor = BY_TYPE[request.model.provider]
        api_key = self._clients.api_key(vendor)
        party = failures.party(vendor, vendor.address(self._environment))
        outside = partial(translated, party, api_key)
        async with AsyncExitStack() as stack:
            with outside():
                answer = await self._open(stack, vendor, request)
                events = aiter(answer)
            deltas = Deltas()
            while True:
                with outside():
                    event = await anext(events, None)
                if event is None:
                    break
                for item in deltas.items(event):
                    yield item
            with outside():
                whole = _whole(answer.get(), request, vendor, party)
        yield whole

    async def _open(self, stack: AsyncExitStack, vendor: Vendor, request: ModelRequest) -> StreamedResponse:
        model = await self._clients.model(vendor, request.model.name)
        messages = transcript(request.history, partial(recalled, provider=vendor.type))
        wishes = _wishes(vendor, request)
        opening = model_request_stream(
            model, messages, model_settings=wishes, model_request_parameters=_parameters(request), instrument=False
        )
        async with asyncio.timeout(self._first_byte_s):
            return await stack.enter_async_context(opening)


def _parameters(request: ModelRequest) -> ModelRequestParameters:
    wanted = request.response_format
    return ModelRequestParameters(
        output_mode="native" if wanted else "text",
        output_object=OutputObjectDefinition(json_schema=wanted.schema, name=wanted.name) if wanted else None,
        function_tools=[
            ToolDefinition(name=tool.name, description=tool.description, parameters_json_schema=tool.parameters)
            for tool in request.tools
        ],
        instruction_parts=[InstructionPart(content=request.system)] if request.system else [],
    )


def _wishes(vendor: Vendor, request: ModelRequest) -> Wishes:
    """Return the settings of a call; what the request leaves open is left to the vendor."""
    wishes: dict[str, Any] = {}
    if request.reasoning_effort is not None:
        wishes["thinking"] = _THINKING.get(request.reasoning_effort, True)
    if request.speed is not None:
        wishes["service_tier"] = request.speed
    if request.parallel_tool_calls is not None and request.tools and vendor.api is not Api.GEMINI:  # has no such wish
        wishes["parallel_tool_calls"] = request.parallel_tool_calls
    if vendor.api is Api.RESPONSES:
        wishes |= _responses_wishes(request)
    if vendor.api is Api.ANTHROPIC:
        wishes["cache"] = True  # the others cache by themselves
    return cast(Wishes, wishes)


def _responses_wishes(request: ModelRequest) -> dict[str, Any]:
    wishes: dict[str, Any] = {}
    if request.verbosity is not None:
        wishes["openai_text_verbosity"] = request.verbosity
    if request.reasoning_effort not in (None, "none"):
        # Summaries need a verified organisation, so they are asked for only with explicit reasoning.
        wishes["openai_reasoning_summary"] = "auto"
    return wishes


def _whole(response: ModelResponse, request: ModelRequest, vendor: Vendor, party: failures.Party) -> ModelReply:
    """Return the finished reply.

    Raises:
        ModelUnavailableError: the stream stopped before its end, or the vendor ended it as failed.
    """
    reason = response.finish_reason or (response.provider_details or {}).get("finish_reason")
    if response.state != "complete" or reason in (None, "error"):
        raise failures.lost(party, failures.Loss.CUT_OFF)
    return reply(response, vendor.type, call_ids(request.history))
