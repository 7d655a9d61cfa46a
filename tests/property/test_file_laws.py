"""Laws of paths, search and edits, for any input."""

import random as rnd
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.core.errors import InvalidInputError
from runtime.core.files.content import decode_content, encode_content
from runtime.core.files.edits import Edit, apply_edits
from runtime.core.files.paths import canonical, is_within, parents
from runtime.core.files.search import compile_pattern, matching_lines

paths = st.text(alphabet=st.sampled_from("/._ab ä\0\n\ud800"), max_size=12) | st.lists(
    st.sampled_from(["workspace", ".", "..", "", "a", "_b", "c.txt"]), max_size=6
).map("/".join)


@given(paths)
def test_a_canonical_path_is_a_fixed_point_inside_the_workspace(path: str) -> None:
    try:
        found = canonical(path)
    except InvalidInputError:
        return
    assert canonical(found) == found == canonical(f"/workspace{found}") == canonical(found[1:])
    names = found.split("/")[1:]
    assert found == "/" or not {"", ".", "..", "workspace"} & {names[0]}
    assert ".." not in names
    found.encode()


@given(paths)
def test_parents_of_a_path_each_hold_the_next(path: str) -> None:
    try:
        found = canonical(path)
    except InvalidInputError:
        return
    above = parents(found)
    assert above == sorted(above)
    for parent in above:
        assert canonical(parent) == parent != found
        assert is_within(found, parent)


@given(st.binary(max_size=200))
def test_content_survives_the_wire(content: bytes) -> None:
    assert decode_content(*encode_content(content)) == content


texts = st.text(alphabet="ab\n", max_size=60)


@given(texts, st.sampled_from(["a", "^a", "a$", "ab", "a+b*", "^$", "[^b]", "(a|b)b", "b*", "^a|b$", "b|^a"]))
def test_search_finds_what_a_loop_over_the_lines_would(text: str, pattern: str) -> None:
    lines = text.removesuffix("\n").split("\n") if text else []
    expected = [(n, line) for n, line in enumerate(lines, 1) if re.search(pattern, line)]
    assert list(matching_lines(text.encode(), compile_pattern(pattern), 1000)) == expected


@given(st.text(max_size=30))
def test_any_pattern_is_compiled_or_refused(pattern: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except InvalidInputError:
        return
    list(matching_lines(b"some text\nwith lines\n", compiled, 10))


@st.composite
def edited(draw: st.DrawFn) -> tuple[list[str], list[str], set[int]]:
    """Distinct pieces, new texts for them, and which of them are replaced."""
    count = draw(st.integers(1, 6))
    pieces = [f"<{n}>" for n in range(count)]
    new = [draw(st.text(alphabet="xy<\n", max_size=4)) for _ in pieces]
    return pieces, new, draw(st.sets(st.integers(0, count - 1), min_size=1))


@given(edited(), st.booleans(), st.randoms(use_true_random=False))
def test_edits_change_their_pieces_and_nothing_else(
    case: tuple[list[str], list[str], set[int]],
    has_crlf: bool,  # noqa: FBT001  drawn
    random: rnd.Random,
) -> None:
    pieces, new, replaced = case
    newline = "\r\n" if has_crlf else "\n"
    edits = [Edit(pieces[n], new[n]) for n in replaced]
    random.shuffle(edits)
    before = newline.join(["head", *pieces]).encode()
    expected = newline.join(
        ["head", *(new[n].replace("\n", newline) if n in replaced else p for n, p in enumerate(pieces))]
    )
    assert apply_edits(before, edits) == expected.encode()


@given(st.text(alphabet="ab", min_size=1, max_size=8), st.text(alphabet="ab", min_size=1, max_size=3))
def test_an_edit_is_made_only_if_its_text_is_there_exactly_once(text: str, old: str) -> None:
    occurrences = sum(text.startswith(old, at) for at in range(len(text)))
    if occurrences == 1:
        assert apply_edits(text.encode(), [Edit(old, "")]) == text.replace(old, "").encode()
    else:
        with pytest.raises(InvalidInputError):
            apply_edits(text.encode(), [Edit(old, "")])
