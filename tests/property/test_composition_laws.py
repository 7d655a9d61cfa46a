"""Laws of the fold that makes a turn's configuration of its layers."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.agents.capability import Capability, Registry
from runtime.core.authored.definition import AssignedCapability, NetworkAccess
from runtime.core.authored.network import covers, narrow
from runtime.core.errors import InvalidInputError

NAMES = "abcdef"


def registry(dependencies: Sequence[Sequence[str]]) -> Registry:
    made = []
    for name, needs in zip(NAMES, dependencies, strict=True):
        namespace = {"id": name, "name": name, "description": name, "dependencies": tuple(needs)}
        made.append(type(name, (Capability,), namespace)())
    return Registry(made)


# Each may depend on earlier ones and on one that nobody has: no circles.
acyclic = st.tuples(
    *(st.lists(st.sampled_from([*NAMES[:n], "gone"]), max_size=3, unique=True) for n in range(len(NAMES)))
)
uses = st.lists(
    st.builds(
        AssignedCapability,
        st.sampled_from([*NAMES, "gone"]),
        st.none() | st.dictionaries(st.sampled_from("xy"), st.integers(0, 3), max_size=1),
    ),
    max_size=8,
)


@given(acyclic, uses)
def test_dependencies_come_first_and_nobody_twice(
    dependencies: list[list[str]], assigned: list[AssignedCapability]
) -> None:
    order = [r.capability.id for r in registry(dependencies).resolve(assigned)]
    assert len(order) == len(set(order))
    needs = dict(zip(NAMES, dependencies, strict=True))
    for place, name in enumerate(order):
        assert {need for need in needs[name] if need != "gone"} <= set(order[:place])
    wanted = {use.ref for use in assigned} - {"gone"}
    assert wanted <= set(order)
    for name in set(order) - wanted:
        assert any(name in needs[other] for other in order)


@given(acyclic, uses)
def test_the_innermost_config_wins(dependencies: list[list[str]], assigned: list[AssignedCapability]) -> None:
    for resolved in registry(dependencies).resolve(assigned):
        given_configs = [u.config for u in assigned if u.ref == resolved.capability.id and u.config is not None]
        assert resolved.config == (given_configs[-1] if given_configs else {})


@given(acyclic, uses, uses)
def test_assigning_the_same_again_changes_nothing(
    dependencies: list[list[str]], outer: list[AssignedCapability], inner: list[AssignedCapability]
) -> None:
    known = registry(dependencies)
    assert known.resolve([*outer, *inner]) == known.resolve([*outer, *inner, *inner])


@given(st.tuples(*(st.lists(st.sampled_from(NAMES), max_size=2) for _ in NAMES)), uses)
def test_a_graph_is_refused_exactly_if_a_circle_can_be_reached(
    dependencies: list[list[str]], assigned: list[AssignedCapability]
) -> None:
    known = registry(dependencies)
    if any(_is_on_a_circle(use.ref, dependencies) for use in assigned):
        with pytest.raises(InvalidInputError, match="circle"):
            known.resolve(assigned)
    else:
        known.resolve(assigned)


def _is_on_a_circle(start: str, dependencies: Sequence[Sequence[str]]) -> bool:
    """Walk a path longer than there are names: only on a circle is there one."""
    needs = dict(zip(NAMES, dependencies, strict=True))
    reached = {start}
    for _ in NAMES:
        reached = {need for name in reached for need in needs.get(name, ())}
    return bool(reached)


hosts = st.sampled_from(["a.com", "x.a.com", "*.a.com", "*.x.a.com", "b.com", "https://a.com/p", "https://a.com/p/q"])
layers = st.lists(
    st.none()
    | st.builds(NetworkAccess, st.lists(hosts, max_size=3).map(tuple), st.lists(hosts, max_size=2).map(tuple)),
    max_size=4,
)


@given(layers, st.none() | st.builds(NetworkAccess, st.lists(hosts, max_size=3).map(tuple)))
def test_one_more_layer_never_allows_more(outer: list[NetworkAccess | None], inner: NetworkAccess | None) -> None:
    before, after = narrow(outer), narrow([*outer, inner])
    assert set(before.blocked) <= set(after.blocked)
    if before.allowed is not None:
        assert after.allowed is not None
        assert all(any(covers(pattern, kept) for pattern in before.allowed) for kept in after.allowed)


@given(hosts, hosts, hosts)
def test_covering_is_an_order(a: str, b: str, c: str) -> None:
    assert covers(a, a)
    if covers(a, b) and covers(b, c):
        assert covers(a, c)
