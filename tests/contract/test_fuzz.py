"""Whatever fits our own OpenAPI document, or nearly, is answered in time and without a failure of the server."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

TIMEOUT_S = 30.0
EXAMPLES = max(3, settings().max_examples // 100)  # of each request; `make test-long` looks longer
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="session")
def api_schema(server_url: str) -> schemathesis.BaseSchema:
    """Our document, without the stream that never ends."""
    document = schemathesis.openapi.from_url(f"{server_url}/api-doc/openapi.json")
    return document.exclude(path_regex="/sse$")


@pytest.fixture
def existing(server_url: str) -> Callable[[], Mapping[str, str]]:
    """Makes one of each thing that addresses name, and returns them by the names of the parameters."""

    def make() -> Mapping[str, str]:
        with httpx.Client(base_url=f"{server_url}/api/v1", timeout=TIMEOUT_S) as http:
            session = http.post("/sessions", json={"initial_files": [{"path": "a", "content": "x"}]}).json()
            agent = http.post("/agents", json={"name": "fuzzed", "system_prompt": ""}).json()
            harnesses = http.get("/harnesses").json()["data"]
            models = http.get("/models").json()["data"]
            image = http.post("/images", files={"file": ("a.png", b"\x89PNG\r\n\x1a\n")}).json()
        return {
            "session_id": session["id"],
            "workspace_id": session["workspace_id"],
            "agent": agent["id"],
            "harness": harnesses[0]["id"],
            "model": models[0]["id"],
            "capability": "current_time",
            "path": "a",
            "image_id": image["id"],
        }

    return make


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_requests_are_answered(
    api_schema: schemathesis.BaseSchema,
    existing: Callable[[], Mapping[str, str]],
    mode: GenerationMode,
    subtests: pytest.Subtests,
) -> None:
    """Promised: no 5xx, whether a request names things that are there or not, and replies that fit the document."""
    things = existing()
    for found in api_schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        with subtests.test(operation.label), suppress(Unsatisfiable):  # a request without parts cannot be wrong
            _fuzz(operation.as_strategy(generation_mode=mode), things)
        if operation.method.upper() == "DELETE":
            things = existing()


def _fuzz(cases: st.SearchStrategy[Any], things: Mapping[str, str]) -> None:
    @given(case=cases, is_there=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def answer(case: "schemathesis.Case[Any]", *, is_there: bool) -> None:
        if is_there:
            case.path_parameters.update({key: things.get(key, value) for key, value in case.path_parameters.items()})
        case.call_and_validate(timeout=TIMEOUT_S, checks=CHECKS)

    answer()
