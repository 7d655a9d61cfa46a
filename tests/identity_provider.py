"""An identity provider as a real HTTP server: OpenID Connect, and what GitHub has instead.

It logs in whoever comes as the person that the test names. It checks what a provider must check (client, code, redirect
address, PKCE), and can be told to misbehave.
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import Key, RSAKey

from runtime.process.mint import now

CLIENT_ID: Final = "perdure"
CLIENT_SECRET: Final = "a secret of both"  # noqa: S105  of nobody real
AUDIENCE: Final = "https://perdure.example"
LIFETIME_S: Final = 300


@dataclass
class Provider:
    """What the provider knows, and what it was asked. `person` are the claims about whoever comes."""

    person: dict[str, Any] = field(default_factory=dict)
    emails: list[dict[str, Any]] = field(default_factory=list)  # at the one that is like GitHub
    nonce: str | None = None  # instead of that of the question
    is_away: bool = False
    speaks: threading.Event = field(default_factory=threading.Event)  # while it is not set, who asks waits
    asked: list[str] = field(default_factory=list)
    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def token(self, *, key: Key | None = None, algorithm: str = "RS256", **claims: Any) -> str:
        """Return a token that it signs for programs of this server, but for what is said otherwise."""
        issued = int(now().timestamp())
        whole = {"iss": self.url, "aud": AUDIENCE, "iat": issued, "exp": issued + LIFETIME_S, **self.person, **claims}
        used = key or self.key
        header = {"alg": algorithm} if used.kid is None else {"alg": algorithm, "kid": used.kid}
        return jwt.encode(header, {name: value for name, value in whole.items() if value is not None}, used)

    def change_key(self) -> None:
        """Sign with another key from now on."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})

    # ------------------------------------------------------------ what it answers

    def get(self, path: str, query: Mapping[str, str], authorization: str) -> tuple[int, Any, dict[str, str]]:
        """Return status, body and headers."""
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            return 200, {"issuer": self.url, **{name: self.url + end for name, end in ends.items()}}, {}
        if path == "/keys":
            unknown = {"kty": "XYZ", "kid": "of the future"}
            return 200, {"keys": [unknown, self.key.as_dict(private=False)]}, {}
        if path in ("/authorize", "/login/oauth/authorize"):
            return self._authorize(query)
        if authorization != "Bearer of-github":
            return 401, {"message": "Bad credentials"}, {}
        return 200, self.emails if path == "/user/emails" else self.person, {}

    def post(self, path: str, form: Mapping[str, str], authorization: str) -> tuple[int, Any, dict[str, str]]:
        """Hand out tokens for a code, once."""
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".replace(" ", "+").encode()).decode()
        basic = authorization.removeprefix("Basic ")
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = _challenge(form.get("code_verifier", ""))
        is_client = basic in (expected, base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode())
        if asked is None or not is_client or challenge != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}, {}
        if form.get("redirect_uri") != asked["redirect_uri"] or form.get("grant_type") != "authorization_code":
            return 400, {"error": "invalid_grant"}, {}
        if path != "/token":
            return 200, {"access_token": "of-github", "token_type": "bearer"}, {}
        signed = self.token(aud=CLIENT_ID, nonce=self.nonce or asked["nonce"])
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": signed}, {}

    def _authorize(self, query: Mapping[str, str]) -> tuple[int, Any, dict[str, str]]:
        if query["client_id"] != CLIENT_ID or query["code_challenge_method"] != "S256":
            return 400, {"error": "invalid_request"}, {}
        code = secrets.token_hex(8)
        self.codes[code] = dict(query)
        back = urlencode({"code": code, "state": query["state"]})
        return 302, {}, {"Location": f"{query['redirect_uri']}?{back}"}


class ProviderServer:
    """Runs a provider on a port of its own, from `with` to the end of it."""

    def __enter__(self) -> Provider:
        provider = self.provider = Provider()
        provider.speaks.set()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(lambda path, sent: provider.get(path, sent, self.headers.get("Authorization", "")))

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                authorization = self.headers.get("Authorization", "")
                self._answer(lambda path, _: provider.post(path, _flat(form), authorization))

            def _answer(self, ask: Any) -> None:
                address = urlsplit(self.path)
                provider.asked.append(address.path)
                provider.speaks.wait()
                status, body, headers = (503, {}, {}) if provider.is_away else ask(address.path, _flat(address.query))
                raw = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(raw)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        provider.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return provider

    def __exit__(self, *_: object) -> None:
        self.provider.speaks.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _flat(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
