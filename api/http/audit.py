"""The audit log, for routes whose stores do not write it themselves: one line on the route names the act.

    @router.delete("/{agent}", openapi_extra=audited("agent.archived"))

Its subject is what the address names last, or, of something new, the `Location` of the reply. A route that knows what
was before says so with `changed`. What failed is not noted: nothing was changed.
"""

from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response

from api.http.initiator import initiator_of

AUDITED: Final = "x-audited"  # in the OpenAPI document
_details: ContextVar[list[tuple[Any, Any]]] = ContextVar("audit_details")


def audited(action: str) -> dict[str, Any]:
    """Return what a route gives as `openapi_extra` if it is an administrative act: `kind.what_was_done`."""
    return {AUDITED: action}


def changed(before: Any, after: Any) -> None:
    """Say what something was before this request changed it, and after: JSON, without secrets."""
    _details.get([]).append((before, after))


class Auditing:
    """Runs a route's handler and notes what it did."""

    def __init__(self, action: str) -> None:
        self._action = action
        self._kind = action.partition(".")[0]

    async def __call__(self, handler: Any, request: Request) -> Response:
        """Answer, once the act is in the log."""
        details: list[tuple[Any, Any]] = []
        token = _details.set(details)
        try:
            response: Response = await handler(request)
        finally:
            _details.reset(token)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            subject_id = response.headers.get("location", "").rpartition("/")[2] or _last(request.path_params)
            by = await initiator_of(request)
            audit = request.app.state.house.identity.audit
            await audit.record(by, self._action, self._kind, subject_id, details[-1] if details else (None, None))
        return response


def _last(path_params: dict[str, Any]) -> str | None:
    values = list(path_params.values())
    return str(values[-1]) if values else None
