"""Pictures on the Internet, which a message names by URL: asked for by us, through the way out, and never by a vendor.

Whoever writes a URL would else have a model's server ask for it, and one of our own (vLLM fetches pictures itself) may
stand inside.
"""

import asyncio
from http import HTTPStatus
from typing import Final

from runtime.core.errors import AddressUnavailableError, CallerError
from runtime.core.files.pictures import MOST_BYTES, media_type_of
from runtime.ports.images import Fetched
from runtime.ports.outbound import Outbound, OutboundRequest

WITHIN_S: Final = 30.0  # for all pictures of a message
_ACCEPT: Final = {"accept": "image/png, image/jpeg, image/gif, image/webp"}


class Fetching:
    """Asks for the pictures of one message, within the time that is left."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._until = asyncio.get_running_loop().time() + WITHIN_S

    async def fetch(self, url: str) -> Fetched:
        """Return the picture, or in words why there is none: a turn does not end for it."""
        left_s = self._until - asyncio.get_running_loop().time()
        if left_s <= 0:
            return _missing(url, f"the pictures of a message may take {WITHIN_S:g} s in all")
        request = OutboundRequest(url=url, headers=_ACCEPT, within_s=left_s, most_bytes=MOST_BYTES)
        try:
            reply = await self._outbound.fetch(request)
        except (CallerError, AddressUnavailableError) as err:
            return _missing(url, str(err))
        if reply.status != HTTPStatus.OK:
            return _missing(url, f"its server answered {reply.status}")
        if media_type_of(reply.body) is None:
            return Fetched(words=f"[Image not readable: {url} is no PNG, JPEG, GIF or WebP]")
        return Fetched(reply.body)


def _missing(url: str, reason: str) -> Fetched:
    return Fetched(words=f"[Image not found: {url} ({reason})]")
