"""The session's messages as pydantic-ai's, in the one order that every vendor accepts.

Vendors want each tool call answered in the very next message. The journal does not promise that: a user may
speak while tools run, and a crash may leave a call without a result. So results move up to their call, what
is missing is said, and what answers nothing is dropped. Some want both sides to take turns, too: between two answers
something is said.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence

from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)

from runtime.core import message as own
from runtime.core.errors import InvalidInputError
from runtime.core.files.pictures import inline_picture
from runtime.core.message import Turned
from runtime.models.dialects.exchange import NO_RESULT, NOT_GIVEN, OPENING, PAUSE, SILENCE, UNREADABLE, words

Recall = Callable[[Turned], ModelResponse | None]
Results = dict[str, deque[own.ToolResultPart]]


def transcript(history: Iterable[Turned], recall: Recall) -> list[ModelMessage]:
    """Return the conversation for a vendor. `recall` gives an agent message back as the vendor sent it, or None."""
    turns = list(history)
    results = _results(turns)
    made: list[ModelMessage] = []
    for turned in turns:
        if turned.message.role is own.Role.USER:
            _say(made, [UserPromptPart(content=_user_content(turned.message.content))])
        elif turned.message.role is own.Role.AGENT and turned.message.content:
            _answer(made, recall(turned) or _response(turned.message), results)
    return made


def _results(turns: Sequence[Turned]) -> Results:
    results: Results = defaultdict(deque)
    for turned in turns:
        for part in turned.message.content:
            if isinstance(part, own.ToolResultPart):
                results[part.tool_call_id].append(part)
    return results


def _say(made: list[ModelMessage], parts: Sequence[ModelRequestPart]) -> None:
    """Add to our side of the conversation: what stands together goes as one message."""
    if made and isinstance(made[-1], ModelRequest):
        made[-1].parts = [*made[-1].parts, *parts]
    else:
        made.append(ModelRequest(parts=list(parts)))


def _answer(made: list[ModelMessage], response: ModelResponse, results: Results) -> None:
    if not made or isinstance(made[-1], ModelResponse):
        _say(made, [UserPromptPart(content=PAUSE if made else OPENING)])
    made.append(response)
    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    if calls:
        _say(made, [_return(call, results[call.tool_call_id]) for call in calls])


def _response(message: own.Message) -> ModelResponse:
    parts: list[TextPart | ToolCallPart] = [TextPart(message.text)] if message.text else []
    parts += [ToolCallPart(call.name, call.arguments, call.id) for call in message.tool_calls]
    return ModelResponse(parts=parts)


def _return(call: ToolCallPart, results: deque[own.ToolResultPart]) -> ToolReturnPart:
    if not results:
        return ToolReturnPart(call.tool_name, NO_RESULT, call.tool_call_id, outcome="failed")
    result = results.popleft()
    if result.error is not None:
        return ToolReturnPart(call.tool_name, result.error, call.tool_call_id, outcome="failed")
    return ToolReturnPart(call.tool_name, words(result.result), call.tool_call_id)


def _user_content(parts: Iterable[own.Part]) -> str | list[UserContent]:
    content = [said for part in parts for said in _said(part)]
    if not content:
        return SILENCE
    if len(content) == 1 and isinstance(content[0], str):
        return content[0]
    return content


def _said(part: own.Part) -> Iterable[UserContent]:
    match part:
        case own.TextPart(text=text):
            return [text] if text.strip() else []
        case own.ImagePart():
            return [_image(part)]
        case own.ImageFilePart(image_id=image_id):
            return [f"[Image not found: {image_id}]"]
        case _:
            return []


def _image(part: own.ImagePart) -> UserContent:
    """Return a picture; one that cannot be read becomes words, for a vendor would refuse the whole request."""
    try:
        inline = inline_picture(part)
    except InvalidInputError:
        return UNREADABLE
    if inline is not None:
        return BinaryContent(inline[0], media_type=inline[1])
    return ImageUrl(part.url, media_type=part.media_type) if part.url else NOT_GIVEN
