"""What each type of provider asks for before it lets one in, and how that is kept: one secret, and what is none.

The parts of a secret are one value: they are given together, sealed together, and taken away together.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NoReturn

import msgspec

from runtime.core.errors import InvalidInputError
from runtime.models.drivers import COMPATIBLE, needs_address, needs_key
from runtime.models.vendors import Api, Vendor
from runtime.ports.providers import Blank, Credentials

API_KEY: Final = "api_key"
_PAIR: Final = ("access_key_id", "secret_access_key")
_TOKEN: Final = "session_token"  # noqa: S105  a name
_FILE: Final = "service_account"
_GLOBAL: Final = "global"  # Google's place that is everywhere
# What becomes a part of an address, and one of each for whoever wrote it in another way.
_PATTERNS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "region": (re.compile(r"[a-z]{2,3}(-[a-z]{2,12}){1,3}-\d{1,2}"), "eu-central-1"),
    "location": (re.compile(r"[a-z][a-z0-9-]{1,30}"), "europe-west4"),
    "project": (re.compile(r"[a-z][a-z0-9.:-]{4,61}[a-z0-9]"), "my-project-123"),
}


def blanks(driver: Vendor) -> tuple[Blank, ...]:
    """Return what a form asks for."""
    address = Blank("base_url", "Base URL", "url", needs_address(driver), driver.base_url or None)
    match driver.api:
        case Api.CONVERSE:
            return (
                Blank("region", "Region", "text", is_required=True, placeholder="eu-central-1"),
                Blank(_PAIR[0], "Access key ID", "text"),
                Blank(_PAIR[1], "Secret access key", "password"),
                Blank(_TOKEN, "Session token, if the key has one", "password"),
                Blank(API_KEY, "Bedrock API key, instead of an access key", "password"),
                address,
            )
        case Api.VERTEX:
            return (
                Blank(_FILE, "Service account key (JSON)", "password", is_required=True, is_long=True),
                Blank("project", "Project, if it is another than the account's", "text"),
                Blank("location", "Location", "text", placeholder=_GLOBAL),
                address,
            )
    is_wanted = needs_key(driver, "http://elsewhere" if driver is COMPATIBLE else None)
    return Blank(API_KEY, "API key", "password", is_wanted), address


def kept(driver: Vendor, given: Mapping[str, str], before: Mapping[str, str]) -> Credentials:
    """Return what is given as it is kept; details that are not given stay as they were `before`.

    Raises:
        InvalidInputError: `unknown_credentials`: the form has no such blank. `credentials_incomplete`: something is
            missing. `unusable_credentials`: something is not what it should be.
    """
    known = {blank.name for blank in blanks(driver)} - {"base_url"}
    if unknown := given.keys() - known:
        message = f"There are no such credentials: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}."
        raise InvalidInputError(message, "unknown_credentials")
    match driver.api:
        case Api.CONVERSE:
            return _of_amazon(given, before)
        case Api.VERTEX:
            return _of_google(given, before)
        case _:
            return Credentials(given.get(API_KEY))


def _of_amazon(given: Mapping[str, str], before: Mapping[str, str]) -> Credentials:
    details = _details({"region"}, given, before)
    if "region" not in details:
        _incomplete("region", "region says which of Amazon's regions is asked, such as eu-central-1.")
    pair = {name: value for name in (*_PAIR, _TOKEN) if (value := given.get(name))}
    if not pair:
        return Credentials(given.get(API_KEY), details)
    if given.get(API_KEY) or not pair.keys() >= set(_PAIR):
        message = "Give access_key_id with secret_access_key, and session_token if there is one, or else api_key."
        _incomplete(_PAIR[0], message)
    return Credentials(msgspec.json.encode(pair).decode(), details)


def _of_google(given: Mapping[str, str], before: Mapping[str, str]) -> Credentials:
    from runtime.models.logins import google  # noqa: PLC0415 - not before it is needed

    file = given.get(_FILE)
    account = google.account(file) if file else None
    own = {"project": account.project_id} if account and account.project_id else {}
    details = _details({"project", "location"}, given, {"location": _GLOBAL, **before, **own})
    if "project" not in details:
        _incomplete("project", "project says which of Google's projects is asked.")
    return Credentials(file if account is None else msgspec.json.encode(account).decode(), details)


def _details(names: AbstractSet[str], given: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Return details by name. Raises InvalidInputError for one that cannot be a part of an address."""
    found = {name: value for name in names if (value := given.get(name) or before.get(name))}
    for name, value in found.items():
        pattern, example = _PATTERNS[name]
        if not pattern.fullmatch(value):
            message = f"{value[:64]!r} is no {name}: one is written like {example}."
            raise InvalidInputError(message, "unusable_credentials", f"credentials.{name}")
    return found


def _incomplete(name: str, message: str) -> NoReturn:
    raise InvalidInputError(message, "credentials_incomplete", f"credentials.{name}")
