import base64
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from runtime.identity.signing import ISSUER, SigningKey, open_signing_key
from runtime.process.mint import now

SECRET = "s" * 32


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def claims(**other: Any) -> dict[str, Any]:
    return {"iss": ISSUER, "aud": "us", "sub": "user", "exp": int(now().timestamp()) + 60, **other}


def signed(made: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode({"alg": algorithm}, made, OctKey.import_key(secret), algorithms=[algorithm])


def test_what_was_signed_is_read_by_its_audience_only() -> None:
    key = SigningKey(SECRET)
    token = key.sign("us", {"sub": "user"}, 60)
    found = key.read(token, "us")
    assert found is not None
    assert found["sub"] == "user"
    assert key.read(token, "others") is None
    assert key.read(signed(claims()), "us") is not None  # so that the refusals below have the reasons they name


def test_each_token_has_an_id_of_its_own() -> None:
    key = SigningKey(SECRET)
    assert key.sign("us", {}, 60) != key.sign("us", {}, 60)


@pytest.mark.parametrize(
    "token",
    [
        f"{encoded({'alg': 'none'})}.{encoded(claims())}.",
        f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims())}.AAAA",
        signed(claims(), secret="x" * 32),
        signed(claims(), algorithm="HS512"),
        signed(claims(exp=int(now().timestamp()) - 1)),
        signed(claims(iss="somebody")),
        signed(claims(aud="others")),
        signed({name: value for name, value in claims().items() if name != "exp"}),
        signed(claims())[:-4] + "AAAA",
        "",
        ".",
        "..",
        "a.b.c",
        "é.é.é",
        "evr_pat_0000",
        f"{encoded({'alg': 'HS256', 'crit': 1})}.{encoded(claims())}.AAAA",
        f"{encoded({'alg': 'HS256', 'crit': [[]]})}.{encoded(claims())}.AAAA",
    ],
)
def test_what_is_not_ours_or_not_good_is_nothing(token: str) -> None:
    assert SigningKey(SECRET).read(token, "us") is None


def test_a_signature_by_another_kind_of_key_is_nothing() -> None:
    token = jwt.encode({"alg": "RS256"}, claims(), RSAKey.generate_key(2048), algorithms=["RS256"])
    assert SigningKey(SECRET).read(token, "us") is None


def test_changed_claims_are_nothing() -> None:
    head, _, tail = signed(claims()).split(".")
    assert SigningKey(SECRET).read(f"{head}.{encoded(claims(sub='root'))}.{tail}", "us") is None


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    token = open_signing_key(None, tmp_path).sign("us", {}, 60)
    assert open_signing_key(None, tmp_path).read(token, "us") is not None
    assert (tmp_path / "jwt.key").stat().st_mode & 0o777 == 0o600
    assert open_signing_key(SECRET, tmp_path).read(token, "us") is None
