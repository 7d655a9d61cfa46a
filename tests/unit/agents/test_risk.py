"""Whoever assigns what is of high risk administers the organisation."""

import msgspec
import pytest

from runtime.agents.capability import Capability, Registry, Risk
from runtime.agents.layers import settled
from runtime.core.access.principal import ANONYMOUS
from runtime.core.access.roles import GRANTED, MemberRole
from runtime.core.authored.definition import AgentDefinition, AssignedCapability
from runtime.core.errors import ForbiddenError
from tests.stage import OneModel


class Dynamite(Capability):
    """Stands for one that may do harm."""

    id = "dynamite"
    name = "Dynamite"
    description = "Blows things up."
    risk = Risk.HIGH


class Mine(Capability):
    """Stands for one that needs another which may do harm."""

    id = "mine"
    name = "Mine"
    description = "Digs."
    dependencies = ("dynamite",)


class Lamp(Capability):
    """Stands for one that is no more than watched."""

    id = "lamp"
    name = "Lamp"
    description = "Shines."
    risk = Risk.MEDIUM


REGISTRY = Registry([Dynamite(), Mine(), Lamp()])


async def assign(role: MemberRole, ref: str) -> None:
    by = msgspec.structs.replace(ANONYMOUS, role=role, scopes=GRANTED[role])
    await settled(AgentDefinition(capabilities=(AssignedCapability(ref),)), REGISTRY, OneModel(), by)


@pytest.mark.parametrize("ref", ["dynamite", "mine"])
async def test_high_risk_is_assigned_by_administrators_only_and_not_by_way_of_another(ref: str) -> None:
    for role in (MemberRole.ADMIN, MemberRole.OWNER):
        await assign(role, ref)
    with pytest.raises(ForbiddenError) as caught:
        await assign(MemberRole.MEMBER, ref)
    assert caught.value.stable_code == "capability_needs_admin"


async def test_whoever_may_write_agents_may_assign_the_rest() -> None:
    await assign(MemberRole.MEMBER, "lamp")
