"""The settings of the way out, which `runtime/fetch` goes by."""

from pydantic import Field

from runtime.process.addresses import Networks
from runtime.process.setting_group import Group, Seconds


class OutboundSettings(Group):
    """What tools may ask of the Internet."""

    inside: Networks = Field(
        (), description="Addresses and networks that look public and are yours: no tool reaches them, nor private ones"
    )
    answer_limit_bytes: int = Field(
        20_000_000, ge=1_000, le=1_000_000_000, description="Largest answer that a tool may have, unpacked, in bytes"
    )
    timeout_s: Seconds = Field(300, description="Seconds that a tool may take over one request, redirects and all")
    at_once: int = Field(64, ge=1, le=10_000, description="Requests of one actor's tools that may run at a time")
