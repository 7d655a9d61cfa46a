"""Amazon's login: each request is signed (Signature Version 4, by botocore), or an API key of Bedrock's is shown."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_SERVICE: Final = "bedrock"


class AccessKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """What signs; `session_token` comes with keys that hold for a while."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


_keys: Final = msgspec.json.Decoder(AccessKey)


def shown(key: str) -> str:
    """Return what of a key is sent; nothing if it only signs."""
    return _keys.decode(key).session_token if key.startswith("{") else key


def headers(key: str, region: str, asked: tuple[str, str, bytes], made: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers of a request with what lets it in. `asked` are its method, URL and body.

    `key` is an access key as JSON, or an API key.
    """
    if not key.startswith("{"):
        return {**made, "Authorization": f"Bearer {key}"}
    access = _keys.decode(key)
    method, url, body = asked
    request: Any = AWSRequest(method=method, url=url, data=body)  # what a proxy may change in `made` is not signed
    secret = Credentials(access.access_key_id, access.secret_access_key, access.session_token or None)
    SigV4Auth(secret, _SERVICE, region).add_auth(request)
    return {**made, **dict(request.headers.items())}
