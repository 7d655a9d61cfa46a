from typing import Any

import pytest

from runtime.core.access.roles import MemberRole
from runtime.core.errors import ForbiddenError
from runtime.federation.roles import RoleMapping, parse_roles

ROLES = parse_roles("staff=member,leads=admin,read=viewer")


@pytest.mark.parametrize(
    ("claim", "claims", "role"),
    [
        ("roles", {"roles": ["staff"]}, MemberRole.MEMBER),
        ("roles", {"roles": ["staff", "leads", "others"]}, MemberRole.ADMIN),
        ("roles", {"roles": "read others"}, MemberRole.VIEWER),
        ("realm_access.roles", {"realm_access": {"roles": ["leads"]}}, MemberRole.ADMIN),
    ],
)
def test_the_highest_role_that_the_claim_names_counts(claim: str, claims: dict[str, Any], role: MemberRole) -> None:
    assert RoleMapping(claim, ROLES).role(claims) is role


@pytest.mark.parametrize("claims", [{}, {"roles": []}, {"roles": 5}, {"roles": None}, {"roles": ["admin", {"a": 1}]}])
def test_whoever_is_given_no_role_is_kept_out(claims: dict[str, Any]) -> None:
    with pytest.raises(ForbiddenError) as caught:
        RoleMapping("roles", ROLES).role(claims)
    assert caught.value.reason == "no_role"


def test_without_a_mapping_claims_say_nothing() -> None:
    assert RoleMapping("roles", parse_roles(None)).role({"roles": ["leads"]}) is None
