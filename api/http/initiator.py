"""Who asks for a change, from where and why, for the audit log."""

from typing import Annotated, Final

import msgspec
import structlog
from fastapi import Depends, Request

from api.http.changes import change_reason
from runtime.core.access.principal import Principal
from runtime.ports.identity import Initiator

_MAX_AGENT_CHARS: Final = 500


async def initiator_of(request: Request) -> Initiator:
    """Return it; of a request that nobody has to sign, only from where."""
    by = Initiator(
        reason=change_reason(request.headers.get("everruns-change-reason")),
        address=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent", "")[:_MAX_AGENT_CHARS] or None,
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is None:
        return by
    return msgspec.structs.replace(
        by, user_id=principal.user_id, org_id=principal.org_id, credential_id=principal.credential_id
    )


By = Annotated[Initiator, Depends(initiator_of)]
