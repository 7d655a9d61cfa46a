"""What roles grant, and what tokens narrow it to."""

import itertools

import msgspec
import pytest

from runtime.core.access.principal import ANONYMOUS
from runtime.core.access.roles import EVERYTHING, GRANTED, MemberRole, Scope, granted, parse_scopes
from runtime.core.errors import ForbiddenError, InvalidInputError


def test_each_role_may_do_what_those_before_it_may() -> None:
    for less, more in itertools.pairwise(MemberRole):
        assert GRANTED[less] <= GRANTED[more]
        assert less.rank < more.rank


def test_no_role_alone_reaches_beyond_its_organisation() -> None:
    assert not any(Scope.SYSTEM in scopes for scopes in GRANTED.values())
    assert Scope.SYSTEM in granted(MemberRole.VIEWER, is_system_admin=True)


def test_viewers_change_nothing_but_what_is_their_own() -> None:
    assert {scope for scope in GRANTED[MemberRole.VIEWER] if not scope.endswith(":read")} == {Scope.ACCOUNT}


@pytest.mark.parametrize("role", list(MemberRole))
@pytest.mark.parametrize("is_system_admin", [False, True])
def test_a_token_never_gives_more_than_its_user_has(role: MemberRole, *, is_system_admin: bool) -> None:
    whole = granted(role, is_system_admin=is_system_admin)
    assert granted(role, is_system_admin=is_system_admin, narrowed_to=EVERYTHING) == whole
    for scope in Scope:
        assert granted(role, is_system_admin=is_system_admin, narrowed_to=[scope]) == whole & {scope}


def test_admins_appoint_up_to_their_own_role_and_nobody_below_them_anybody() -> None:
    appointed = {role: [other for other in MemberRole if role.may_appoint(other)] for role in MemberRole}
    assert appointed == {
        MemberRole.VIEWER: [],
        MemberRole.MEMBER: [],
        MemberRole.ADMIN: [MemberRole.VIEWER, MemberRole.MEMBER, MemberRole.ADMIN],
        MemberRole.OWNER: list(MemberRole),
    }


def test_scopes_are_read_as_they_are_written() -> None:
    assert parse_scopes([scope.value for scope in Scope]) == EVERYTHING


@pytest.mark.parametrize("words", [[], ["agents"], ["agents:read", "AGENTS:READ"], [""], ["*"]])
def test_words_that_are_no_scopes_are_refused_by_name(words: list[str]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_scopes(words)
    assert caught.value.stable_code == "invalid_scope"
    assert "sessions:write" in str(caught.value)


def test_a_principal_is_held_to_its_scopes() -> None:
    reader = msgspec.structs.replace(ANONYMOUS, role=MemberRole.VIEWER, scopes=frozenset({Scope.AGENTS_READ}))
    reader.require(Scope.AGENTS_READ)
    assert reader.may(Scope.AGENTS_READ)
    with pytest.raises(ForbiddenError) as caught:
        reader.require(Scope.AGENTS_WRITE)
    assert caught.value.stable_code == "insufficient_scope"
