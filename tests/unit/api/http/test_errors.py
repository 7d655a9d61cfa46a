import inspect

import msgspec
import pytest

from api.http.errors import explain, faults, problem, reply, status_of
from runtime.core import errors
from runtime.core.errors import ConflictError, LimitExceededError, NotFoundError, OverloadedError, PerdureError


def leaves() -> list[type[PerdureError]]:
    return [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, PerdureError)]


@pytest.mark.parametrize("leaf", leaves())
def test_every_error_has_a_status(leaf: type[PerdureError]) -> None:
    assert 400 <= status_of(leaf.__new__(leaf)) <= 599


def test_body_has_both_forms() -> None:
    answer = reply(NotFoundError("session", "session_1"), "/api/v1/sessions/session_1")
    body = msgspec.json.decode(answer.body)
    assert (answer.status_code, answer.media_type) == (404, "application/problem+json")
    assert body == {
        "type": "urn:perdure:error:session_not_found",
        "title": "Not Found",
        "status": 404,
        "code": "session_not_found",
        "detail": "No session 'session_1'.",
        "error": {"code": "session_not_found", "message": "No session 'session_1'."},
        "instance": "/api/v1/sessions/session_1",
    }


def test_words_that_clients_search_for_are_in_the_message() -> None:
    answer = reply(ConflictError.not_waiting())
    assert answer.status_code == 409
    assert "not waiting for tool results" in msgspec.json.decode(answer.body)["error"]["message"]


@pytest.mark.parametrize(
    ("error", "status", "seconds"),
    [(OverloadedError(0.2), 503, "1"), (LimitExceededError("full", retry_after_s=4.1), 429, "5")],
)
def test_retry_after_is_in_whole_seconds(error: PerdureError, status: int, seconds: str) -> None:
    answer = reply(error)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, seconds)
    assert msgspec.json.decode(answer.body)["retry_after_seconds"] == int(seconds)


def test_size_errors_use_the_words_that_clients_know() -> None:
    found = [{"loc": ("body", "tools", 0, "name"), "msg": "String too long", "type": "string_too_long"}]
    assert explain(found) == "Input exceeds allowed limits: tools.0.name: String too long"


def test_a_form_is_told_what_is_wrong_with_each_field() -> None:
    """Promised: a page that shows a form can say it beside the field."""
    found = [
        {"loc": ("body", name), "msg": f"Value error, {name} is wrong", "type": "value_error"} for name in ("a", "b")
    ]
    body = msgspec.json.decode(problem(400, "invalid_input", explain(found), errors=faults(found)).body)
    assert body["errors"] == [{"field": "a", "message": "a is wrong"}, {"field": "b", "message": "b is wrong"}]
    assert "errors" not in msgspec.json.decode(problem(400, "invalid_input", "wrong").body)


def test_other_errors_name_their_field() -> None:
    found = [{"loc": ("body",), "msg": "Field required", "type": "missing"}]
    assert explain(found) == "body: Field required"


def test_long_details_are_cut() -> None:
    assert len(msgspec.json.decode(problem(400, "x", "y" * 5000).body)["detail"]) == 1000
