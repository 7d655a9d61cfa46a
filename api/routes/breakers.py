"""Circuit breakers of providers of models: which are not called for now, and an operator's hand on them."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from api.http.audit import audited
from api.http.auth import GuardedRoute, needs
from api.http.deps import Needs
from runtime.core.access.roles import Scope
from runtime.ports.breakers import Breaker, BreakerState

router = APIRouter(prefix="/api/v1/durable/circuit-breakers", tags=["durable"], route_class=GuardedRoute)

Key = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{1,128}$", description="The type of a provider, such as openai")]


class BreakerReply(BaseModel):
    """One of them. `failure_count` counts since it was closed last, `success_count` the trials that closed it.

    `wait_seconds` is how long it is until one process may try; an operator's (`forced`) is tried by nobody.
    """

    key: str
    state: BreakerState
    forced: bool
    failure_count: int
    success_count: int
    opened_at: str | None
    half_open_at: str | None
    last_failure_at: str | None
    updated_at: str
    wait_seconds: float

    @classmethod
    def of(cls, breaker: Breaker) -> "BreakerReply":
        """Return one as the wire has it."""
        return cls(
            key=breaker.provider,
            state=breaker.state,
            forced=breaker.is_forced,
            failure_count=breaker.failure_count,
            success_count=breaker.success_count,
            opened_at=breaker.opened_at,
            half_open_at=breaker.half_open_at,
            last_failure_at=breaker.last_failure_at,
            updated_at=breaker.updated_at,
            wait_seconds=round(breaker.wait_s, 3),
        )


class BreakerList(BaseModel):
    """All that ever opened."""

    data: list[BreakerReply]


class Forgotten(BaseModel):
    """Whether there was one."""

    deleted: bool


@router.get("", openapi_extra=needs(Scope.SYSTEM))
async def list_breakers(deps: Needs) -> BreakerList:
    """List the breakers that ever opened, by key. Any other is closed."""
    return BreakerList(data=[BreakerReply.of(breaker) for breaker in await deps.breakers.listed()])


@router.get("/{key}", openapi_extra=needs(Scope.SYSTEM))
async def get_breaker(key: Key, deps: Needs) -> BreakerReply:
    """Return one breaker."""
    return BreakerReply.of(await deps.breakers.get(key))


@router.post("/{key}/open", openapi_extra=needs(Scope.SYSTEM) | audited("circuit_breaker.opened"))
async def open_breaker(key: Key, deps: Needs) -> BreakerReply:
    """Stop all calls to a provider until somebody closes its breaker. Processes hear of it within two seconds."""
    return BreakerReply.of(await deps.breakers.force(key))


@router.post("/{key}/close", openapi_extra=needs(Scope.SYSTEM) | audited("circuit_breaker.closed"))
async def close_breaker(key: Key, deps: Needs) -> BreakerReply:
    """Let calls to a provider go on, whoever stopped them. Processes hear of it within two seconds."""
    return BreakerReply.of(await deps.breakers.close(key))


@router.delete("/{key}", openapi_extra=needs(Scope.SYSTEM) | audited("circuit_breaker.deleted"))
async def forget_breaker(key: Key, deps: Needs) -> Forgotten:
    """Drop a breaker: it is closed, and its counts begin anew."""
    return Forgotten(deleted=await deps.breakers.forget(key))
