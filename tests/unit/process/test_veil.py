"""Keys are known by their looks, also in pieces."""

import pytest

from runtime.process.veil import HIDDEN, Veil

RUN = "abcdefghijklmnop1234"


def seen(*pieces: str) -> str:
    veil = Veil(tuple)
    return "".join(map(veil.feed, pieces)) + veil.close()


@pytest.mark.parametrize(
    "key",
    [
        f"sk-{RUN}",
        f"sk-proj-{RUN}",
        f"AIza{RUN}{RUN}",
        f"xai-{RUN}",
        f"gsk_{RUN}",
        "AKIA" + "IOSFODNN7EXAMPLE",  # in two, for what looks for committed keys
        f"evr_pat_{RUN}",
        f"ghp_{RUN}",
        f"eyJhbGciOiJIUzI1NiJ9.{RUN}.{RUN}",
    ],
)
def test_what_looks_like_a_key_is_hidden_letter_by_letter_too(key: str) -> None:
    text = f"called with ({key}), in vain"
    assert seen(text) == seen(*text) == f"called with ({HIDDEN}), in vain"


@pytest.mark.parametrize(
    "text",
    ["task-force-of-a-hundred-people-1", "sk-8", "sk-circle-fade-dots-animation", "eyJ.a.b", "AKIA1", f"Xsk-{RUN}"],
)
def test_what_only_resembles_a_key_is_seen(text: str) -> None:
    assert seen(text) == seen(*text) == text


def test_only_what_may_become_a_key_is_held_back() -> None:
    veil = Veil(tuple)
    assert [veil.feed(piece) for piece in ("Ask", " the ", "s", "ky: ", "sk", "-", "1 is")] == [
        "Ask", " the ", "", "sky: ", "", "", "sk-1 is",
    ]  # fmt: skip


def test_a_secret_that_becomes_known_meanwhile_is_hidden_from_then_on() -> None:
    known: list[str] = []
    veil = Veil(lambda: known)
    first = veil.feed("a hunter2-value ")
    known.append("hunter2-value")
    assert first + veil.feed("a hunter2") + veil.feed("-value") + veil.close() == f"a hunter2-value a {HIDDEN}"
