"""TLS at the front door: a certificate and its key, in files that somebody renews while the server runs."""

import asyncio
import ssl
from pathlib import Path
from typing import Final, NoReturn, Self

import structlog

from runtime.core.errors import InvalidInputError
from runtime.process.settings import HttpSettings

log = structlog.get_logger(__name__)

CHECK_S: Final = 2.0  # between two looks at the files
_CERTIFICATE: Final = "PERDURE_HTTP__TLS_CERTIFICATE"
_KEY: Final = "PERDURE_HTTP__TLS_KEY"
_BEGIN_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_BEGIN_KEY: Final = b"PRIVATE KEY-----"
_ENCRYPTED: Final = b"ENCRYPTED"

FileState = tuple[int, int, int] | None  # what tells a file from the one that was there before; None: there is none


class Certificate:
    """What the server shows to its clients. `context` is the same for ever, and new connections see what is in it."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Load a pair of files. Raises InvalidInputError `tls_unusable`."""
        self._certificate = certificate
        self._key = key
        self._seen = self._state()
        self.context = _new_context()
        _load(self.context, certificate, key)

    @classmethod
    def of(cls, http: HttpSettings) -> Self | None:
        """Return the one of the settings; None for plain HTTP. Raises InvalidInputError `tls_unusable`."""
        if http.tls_certificate is None or http.tls_key is None:
            return None
        return cls(http.tls_certificate, http.tls_key)

    async def watch(self) -> None:
        """Go on looking whether the files were replaced."""
        while True:
            await asyncio.sleep(CHECK_S)
            self.renew()

    def renew(self) -> None:
        """Take the files if they are new. Those that are of no use are logged once, and the old ones stay."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        refusal = self._reload()
        if refusal is None:
            log.info("certificate_renewed", certificate=str(self._certificate))
        else:
            log.error("certificate_refused", reason=refusal)

    def _reload(self) -> str | None:
        try:
            _load(_new_context(), self._certificate, self._key)  # a pair that does not fit would spoil the one in use
            _load(self.context, self._certificate, self._key)
        except InvalidInputError as err:
            return err.message
        return None

    def _state(self) -> tuple[FileState, FileState]:
        return _state(self._certificate), _state(self._key)


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    if _BEGIN_CERTIFICATE not in _content(_CERTIFICATE, certificate):
        _refuse(_CERTIFICATE, certificate, "holds no certificate in PEM form")
    content = _content(_KEY, key)
    if _BEGIN_KEY not in content:
        _refuse(_KEY, key, "holds no key in PEM form")
    if _ENCRYPTED in content:
        _refuse(_KEY, key, f"needs a password; take it off with `openssl pkey -in {key} -out new.pem`")
    try:
        context.load_cert_chain(certificate, key, password="")  # or it would ask the terminal for one
    except ssl.SSLError as err:
        why = "it is that of another certificate" if err.reason == "KEY_VALUES_MISMATCH" else err.reason
        _refuse(_KEY, key, f"cannot be used with {certificate}: {why}")


def _content(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        _refuse(setting, path, f"cannot be read: {err.strerror}")


def _state(path: Path) -> FileState:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _refuse(setting: str, path: Path, why: str) -> NoReturn:
    message = f"{setting}: {path} {why}."
    raise InvalidInputError(message, "tls_unusable")
