"""Settings of how often clients may ask, and of how much is kept of what they send."""

from pydantic import Field

from runtime.core.files.quotas import MAX_IMAGE_BYTES
from runtime.process.setting_group import Group


class LimitSettings(Group):
    """How often clients may ask, over all front doors, and how much is kept of what they send."""

    requests_per_minute: int | None = Field(
        None,
        ge=0,
        le=10_000_000,
        description="Requests a minute of one credential, or of an address without one; 0: any number; "
        "empty: 1200, any number while AUTH_MODE=none",
    )
    org_requests_per_minute: int = Field(
        0, ge=0, le=100_000_000, description="Requests a minute of one organisation; 0: any number"
    )
    failures_per_minute: int = Field(
        30, ge=1, le=1_000_000, description="Failed authentications a minute of one address"
    )
    image_bytes: int = Field(
        MAX_IMAGE_BYTES,
        ge=10_000_000,
        le=1_000_000_000_000_000,
        description="Bytes of images that an organisation may upload, and that are kept with one session's messages",
    )
