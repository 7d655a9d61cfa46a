"""However a text is cut, the same is seen of it, and never a secret."""

import asyncio
from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from runtime.engine.stream import DeltaStream
from runtime.process.veil import HIDDEN, Veil, hide

# Few letters, so that secrets overlap, begin in vain and stand in each other.
letters = st.text("ab-1", min_size=2, max_size=6)
forms = st.lists(letters, max_size=3)
BEGINNINGS = ("sk-", "s", "ghp_", "github_pat_", "AIza", "AKIA", "eyJ", ".", " ", "a1" * 9, "ABCD1234" * 2, "x" * 40)
pieces = st.lists(st.one_of(letters, st.sampled_from(BEGINNINGS)), max_size=20)


def seen(text: str, secrets: Sequence[str], cuts: Sequence[int] = ()) -> str:
    veil = Veil(lambda: secrets)
    ends = [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    shown = [veil.feed(text[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    return "".join(shown) + veil.close()


@given(forms, pieces, st.lists(st.integers(0, 10_000), max_size=30))
@example(["aba", "bab"], ["ababa"], [1, 2, 3, 4])
@example([], ["sk-", "a1" * 300], [400, 300, 266, 258])
def test_what_is_seen_of_a_text_does_not_depend_on_where_it_is_cut(
    secrets: list[str], text: list[str], cuts: list[int]
) -> None:
    whole = "".join(text)
    assert seen(whole, secrets, cuts) == seen(whole, secrets)


@given(forms, st.lists(letters, max_size=20), st.lists(st.integers(0, 10_000), max_size=30))
def test_no_secret_is_seen_and_all_else_is(secrets: list[str], text: list[str], cuts: list[int]) -> None:
    whole = "".join(text)
    shown = seen(whole, secrets, cuts)
    assert shown == hide(whole, secrets)
    assert not any(secret in left for secret in secrets for left in shown.split(HIDDEN))
    kept = iter(whole)
    assert all(char in kept for char in shown.replace(HIDDEN, ""))
    if not any(secret in whole for secret in secrets):
        assert shown == whole


@given(forms, st.lists(letters, max_size=20))
def test_no_more_is_held_back_than_may_be_the_beginning_of_a_secret(secrets: list[str], text: list[str]) -> None:
    """Promised: text is shown as soon as it may be."""
    veil, whole, shown = Veil(lambda: secrets), "", ""
    for piece in text:
        whole, shown = whole + piece, shown + veil.feed(piece)
        if not any(secret in whole for secret in secrets):
            back = whole.removeprefix(shown)
            assert not back or any(secret.startswith(back) for secret in secrets)


@given(forms, st.lists(letters, max_size=20))
def test_deltas_add_up_to_what_the_whole_message_says(secrets: list[str], text: list[str]) -> None:
    async def check() -> None:
        deltas: list[tuple[str, str]] = []
        stream = DeltaStream(lambda *delta: deltas.append(delta), 1_000.0, lambda send: send(), Veil(lambda: secrets))
        for piece in text:
            stream.feed(piece)
        whole = stream.finish()
        assert whole == "".join(delta for delta, _ in deltas) == seen("".join(text), secrets)
        assert not deltas or deltas[-1][1] == whole

    asyncio.run(check())
