"""Bounds that an operator has set, on the wire."""

from api.schemas.fields import Reply


class LimitsReply(Reply):
    """How often clients may ask, and how much at a time. Null: any number."""

    requests_per_minute: int | None
    org_requests_per_minute: int | None
    failures_per_minute: int | None
    streams_per_session: int
    streams_per_org: int | None
    body_bytes: int
