import msgspec
import pytest

from runtime.core.access.roles import GRANTED, MemberRole, Scope
from runtime.core.errors import ForbiddenError, InvalidInputError, NotFoundError
from runtime.identity.authenticator import act_as
from runtime.ports.identity import Standing

FIRST, SECOND, FOREIGN = ("org_" + digit * 32 for digit in "123")
ADA = Standing(
    credential_id="token_" + "a" * 32,
    user_id="user_" + "a" * 32,
    is_system_admin=False,
    home_org_id=SECOND,
    roles={FIRST: MemberRole.VIEWER, SECOND: MemberRole.OWNER},
)


def test_without_a_named_organisation_one_acts_at_home() -> None:
    assert act_as(ADA, None).org_id == SECOND


def test_without_a_home_or_after_one_was_sent_away_from_it_one_acts_where_one_came_first() -> None:
    assert act_as(msgspec.structs.replace(ADA, home_org_id=None), None).org_id == FIRST
    assert act_as(msgspec.structs.replace(ADA, home_org_id=FOREIGN), None).org_id == FIRST


def test_the_role_is_that_of_the_named_organisation() -> None:
    assert act_as(ADA, FIRST).scopes == GRANTED[MemberRole.VIEWER]


def test_a_foreign_organisation_is_not_there() -> None:
    with pytest.raises(NotFoundError, match=FOREIGN):
        act_as(ADA, FOREIGN)


def test_what_is_no_id_is_refused_as_such() -> None:
    with pytest.raises(InvalidInputError) as caught:
        act_as(ADA, "acme")
    assert caught.value.reason == "invalid_org_id"


def test_whoever_is_nowhere_hears_why_they_may_nothing() -> None:
    with pytest.raises(ForbiddenError) as caught:
        act_as(msgspec.structs.replace(ADA, roles={}), None)
    assert caught.value.reason == "no_organization"


def test_a_narrowed_credential_gives_no_more_than_both_it_and_the_role() -> None:
    narrowed = msgspec.structs.replace(ADA, scopes=frozenset({Scope.SESSIONS_READ, Scope.SYSTEM, Scope.ORG_ADMIN}))
    assert act_as(narrowed, FIRST).scopes == {Scope.SESSIONS_READ}
    assert act_as(narrowed, SECOND).scopes == {Scope.SESSIONS_READ, Scope.ORG_ADMIN}


def test_whoever_administers_the_server_does_so_in_every_organisation() -> None:
    assert Scope.SYSTEM in act_as(msgspec.structs.replace(ADA, is_system_admin=True), FIRST).scopes
    assert Scope.SYSTEM not in act_as(ADA, FIRST).scopes
