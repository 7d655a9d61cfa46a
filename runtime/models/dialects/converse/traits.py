"""What differs between the families of models that Amazon Bedrock serves."""

import re
from collections.abc import Mapping
from typing import Any, Final

from runtime.models.dialects.anthropic import traits as anthropic

_CLAUDE: Final = re.compile(r"(?:^|[./])anthropic\.(claude-.+?)(?:-v\d+(?::\d+)?)?$")
# Claude from before there were cache points, which it refuses.
_FORGETFUL: Final = ("claude-v", "claude-2", "claude-instant", "claude-3-opus", "claude-3-sonnet", "claude-3-haiku",
                     "claude-3-5-sonnet-20240620")  # fmt: skip
_GPT_OSS: Final = re.compile(r"(?:^|[./])openai\.gpt-oss-")
_EFFORTS: Final[Mapping[str, str]] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}


def claude(model: str) -> str | None:
    """Return Anthropic's own name for a model, whatever region or profile it is called through; None: it is none."""
    found = _CLAUDE.search(model)
    return found[1] if found else None


def keeps_prompts(model: str) -> bool:
    """Tell whether it can be told up to where to keep what it has read for the next call."""
    name = claude(model)
    return name is not None and not name.startswith(_FORGETFUL)


def most_tokens(model: str, effort: str | None) -> int | None:
    """Return how long an answer may be; None leaves that to the vendor."""
    name = claude(model)
    return None if name is None else int(anthropic.thinking(name, effort)["max_tokens"])


def thinking(model: str, effort: str | None) -> Mapping[str, Any]:
    """Return the fields of the family's own that say how hard to think; where there is no word for it, none."""
    if (name := claude(model)) is not None:
        return {key: value for key, value in anthropic.thinking(name, effort).items() if key != "max_tokens"}
    level = _EFFORTS.get(effort or "")
    return {"reasoning_effort": level} if level and _GPT_OSS.search(model) else {}
