"""Each vendor's list of models: where it is asked for, and how it is read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.json import decode

from runtime.models.lines import Line
from runtime.models.vendors import Api
from runtime.ports.providers import Found


class Question(NamedTuple):
    """One request for a list, or for a part of it."""

    url: str
    headers: Mapping[str, str]
    read: Callable[[bytes], Iterable[Found]]  # raises msgspec.MsgspecError for what is no such list


class _Listed(msgspec.Struct):
    id: str
    display_name: str | None = None  # Anthropic's
    name: str | None = None  # OpenRouter's


class _List(msgspec.Struct):
    data: list[_Listed]


class _Gemini(msgspec.Struct, rename="camel"):
    name: str
    display_name: str | None = None
    supported_generation_methods: tuple[str, ...] = ()


class _GeminiList(msgspec.Struct):
    models: list[_Gemini]


class _Published(msgspec.Struct):
    name: str


class _VertexList(msgspec.Struct, rename="camel"):
    publisher_models: list[_Published] = []


class _Foundation(msgspec.Struct, rename="camel"):
    model_id: str
    model_name: str | None = None
    response_streaming_supported: bool = False
    inference_types_supported: tuple[str, ...] = ()


class _FoundationList(msgspec.Struct, rename="camel"):
    model_summaries: list[_Foundation] = []


class _Profile(msgspec.Struct, rename="camel"):
    inference_profile_id: str
    inference_profile_name: str | None = None
    status: str = "ACTIVE"


class _ProfileList(msgspec.Struct, rename="camel"):
    inference_profile_summaries: list[_Profile] = []


_VERSION: Final = "2023-06-01"  # of Anthropic's protocol, which lists have had from the first
_OWN: Final = "publishers/google/models/"
_RUNTIME: Final = "://bedrock-runtime."


def questions(line: Line) -> Sequence[Question]:
    """Return what to ask for a provider's models."""
    match line.vendor.api:
        case Api.ANTHROPIC:
            headers = {"x-api-key": line.api_key, "anthropic-version": _VERSION}
            return [Question(f"{line.base_url}/v1/models?limit=1000", headers, _openai)]
        case Api.GEMINI:
            return [Question(f"{line.base_url}/v1beta/models?pageSize=1000", {"x-goog-api-key": line.api_key}, _gemini)]
        case Api.VERTEX:
            root = line.base_url.partition("/v1beta1/projects/")[0]
            url = f"{root}/v1beta1/publishers/google/models?pageSize=1000"
            return [Question(url, {**line.headers({}, url), "x-goog-user-project": line.details["project"]}, _vertex)]
        case Api.CONVERSE:
            root = line.base_url.replace(_RUNTIME, "://bedrock.", 1)  # models are listed by another service of theirs
            asked = {
                f"{root}/foundation-models?byOutputModality=TEXT": _foundation,
                f"{root}/inference-profiles?maxResults=1000": _profiles,
            }
            return [Question(url, line.headers({}, url, method="GET"), read) for url, read in asked.items()]
        case _:
            headers = dict(line.headers({"Authorization": f"Bearer {line.api_key}"}, line.base_url))
            return [Question(f"{line.base_url}/models", headers, _openai)]


def _openai(body: bytes) -> Iterable[Found]:
    return (Found(m.id, m.display_name or m.name or m.id) for m in decode(body, type=_List).data if m.id)


def _gemini(body: bytes) -> Iterable[Found]:
    return (
        Found(model.name.removeprefix("models/"), model.display_name or model.name.removeprefix("models/"))
        for model in decode(body, type=_GeminiList).models
        if "generateContent" in model.supported_generation_methods
    )


def _vertex(body: bytes) -> Iterable[Found]:
    """Return those that speak our dialect: the list holds all that Google has published."""
    names = (model.name.removeprefix(_OWN) for model in decode(body, type=_VertexList).publisher_models)
    return (Found(name, name) for name in names if name.startswith("gemini-") and "embedding" not in name)


def _foundation(body: bytes) -> Iterable[Found]:
    """Return those that can be called by their own names; others only are through a profile."""
    return (
        Found(model.model_id, model.model_name or model.model_id)
        for model in decode(body, type=_FoundationList).model_summaries
        if model.response_streaming_supported and "ON_DEMAND" in model.inference_types_supported
    )


def _profiles(body: bytes) -> Iterable[Found]:
    return (
        Found(profile.inference_profile_id, profile.inference_profile_name or profile.inference_profile_id)
        for profile in decode(body, type=_ProfileList).inference_profile_summaries
        if profile.status == "ACTIVE"
    )
