"""Secrets, for processes that run tools: they hold no key and ask the supervisor, which holds them all.

What they ask goes by calls of Ray and is sealed with the actor's own key, which the two and front doors know: nobody
reads it on the way, and who it is that asks is shown by it. An actor is answered for sessions that live in it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, Protocol

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from ray.exceptions import RayError, RayTaskError

from actors.site import Site, find_supervisor
from runtime.core.errors import ForbiddenError, OverloadedError, PerdureError
from runtime.core.ids import hex_of
from runtime.core.placement.directory import Directory
from runtime.core.retry import doubling_s
from runtime.ports.secrets import Kind
from runtime.ports.vault import Place, Sealed, Vault

log = structlog.get_logger(__name__)

PATIENCE_S: Final = 20.0  # with a supervisor that is restarting
PAUSE_S: Final = 0.05
PAUSE_MOST_S: Final = 1.0
ORGS_MOST: Final = 100_000  # of sessions, remembered

_PURPOSE: Final = b"perdure vault 1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_ANSWER: Final = b"answer"


class Wish(msgspec.Struct, frozen=True):
    """What an actor wants of a secret, on behalf of a session: `text` is a value to seal, or an envelope to open."""

    session_id: str
    act: Literal["seal", "open"]
    place: Place
    text: str


_wishes: Final = msgspec.json.Decoder(Wish)
_answers: Final[msgspec.json.Decoder[Sealed | str]] = msgspec.json.Decoder(Sealed | str)


class ActorVault:
    """The vault of a session actor, whose key is `key`."""

    def __init__(self, actor: str, key: bytes, site: Site) -> None:
        self._actor = actor
        self._cipher = _cipher(key)
        self._site = site

    def of(self, session_id: str) -> Vault:
        """Return the vault as it is open to a session."""
        return _SessionVault(session_id, self._ask)

    async def _ask(self, wish: Wish) -> Sealed | str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, msgspec.json.encode(wish), self._actor.encode())
        answer = await self._answered(sealed)
        opened = self._cipher.decrypt(answer[:_NONCE_BYTES], answer[_NONCE_BYTES:], _ANSWER + nonce)
        return _answers.decode(opened)

    async def _answered(self, wish: bytes) -> bytes:
        """Return the supervisor's answer as soon as there is one.

        Raises:
            OverloadedError: it has none for so long that it is not waited for.
        """
        pauses = doubling_s(PAUSE_S, PAUSE_MOST_S)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        return await self._unlocked(wish)
                    except (RayError, ValueError, OverloadedError):
                        await asyncio.sleep(next(pauses))
        except TimeoutError:
            raise OverloadedError(1.0, "the supervisor, which holds the keys of secrets, is restarting") from None

    async def _unlocked(self, wish: bytes) -> bytes:
        supervisor = await asyncio.to_thread(find_supervisor, self._site)
        try:
            answer: bytes = await supervisor.unlock.remote(self._actor, wish)
        except RayTaskError as err:
            if isinstance(err.cause, PerdureError):
                raise err.cause from None
            log.exception("vault_failed")
            raise PerdureError from None
        return answer


class _SessionVault:
    def __init__(self, session_id: str, ask: Callable[[Wish], Awaitable[Sealed | str]]) -> None:
        self._session_id = session_id
        self._ask = ask

    async def seal(self, place: Place, value: str) -> Sealed:
        return msgspec.convert(await self._ask(Wish(self._session_id, "seal", place, value)), Sealed)

    async def fingerprint(self, org_id: str, value: str) -> str:
        nowhere = Place(org_id, "", "", "")
        return (await self.seal(nowhere, value)).fingerprint

    async def open(self, place: Place, envelope: str) -> str:
        return msgspec.convert(await self._ask(Wish(self._session_id, "open", place, envelope)), str)


class Belonging(Protocol):
    """Knows whose sessions are, and who speaks in them."""

    async def org_of(self, session_id: str) -> str | None:
        """Return whose a session is, as bare hex digits; None if there is no such session."""
        ...

    async def speaks(self, session_id: str, user: str) -> bool:
        """Tell whether a user, given as bare hex digits, is a member there and has said something in a session."""
        ...


class Keeper:
    """The supervisor's side."""

    def __init__(self, vault: Vault, directory: Directory, belonging: Belonging) -> None:
        self._vault = vault
        self._directory = directory
        self._belonging = belonging
        self._orgs: dict[str, str] = {}

    async def answer(self, actor: str, key: bytes, asked: bytes) -> bytes:
        """Do what an actor asks, and return it sealed for that actor.

        Raises:
            ForbiddenError: it does not know its key, or asks for what is of no session in it.
            SecretUnreadableError: what it wants opened does not open.
        """
        cipher, nonce = _cipher(key), secrets.token_bytes(_NONCE_BYTES)
        try:
            wish = _wishes.decode(cipher.decrypt(asked[:_NONCE_BYTES], asked[_NONCE_BYTES:], actor.encode()))
        except (InvalidTag, ValueError):
            message = f"{actor} did not ask this."
            raise ForbiddenError(message, "vault_closed") from None
        await self._check(actor, wish)
        done: Any = (
            await self._vault.seal(wish.place, wish.text)
            if wish.act == "seal"
            else await self._vault.open(wish.place, wish.text)
        )
        return nonce + cipher.encrypt(nonce, msgspec.json.encode(done), _ANSWER + asked[:_NONCE_BYTES])

    async def _check(self, actor: str, wish: Wish) -> None:
        placement = self._directory.get(wish.session_id)
        if placement is None or placement.actor != actor or not await self._may_see(wish):
            log.warning("vault_closed", actor=actor, session_id=wish.session_id, row=wish.place.row)
            message = f"Session {wish.session_id} does not live in {actor}, or that secret is of somebody else."
            raise ForbiddenError(message, "vault_closed")

    async def _may_see(self, wish: Wish) -> bool:
        """Whether a secret is of the session's organisation, and of no other session and no user but one it hears."""
        kind, _, rest = wish.place.row.partition("/")
        if kind == Kind.CONNECTION and not await self._hears(wish, rest.partition("/")[0]):
            return False
        if kind in (Kind.SESSION, Kind.LAYER) and not rest.startswith(f"{hex_of(wish.session_id)}/"):
            return False
        return wish.place.org_id == await self._org(wish.session_id)

    async def _hears(self, wish: Wish, user: str) -> bool:
        return wish.act == "open" and await self._belonging.speaks(wish.session_id, user)

    async def _org(self, session_id: str) -> str | None:
        if session_id not in self._orgs:
            org_id = await self._belonging.org_of(session_id)
            if org_id is None:
                return None
            if len(self._orgs) >= ORGS_MOST:
                self._orgs.clear()
            self._orgs[session_id] = org_id
        return self._orgs[session_id]


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(key))
