"""Workspace files: paths, content, search, edits."""

from typing import Any

import pytest

from runtime.core.errors import InvalidInputError
from runtime.core.files.content import decode_content, digest, encode_content, is_binary
from runtime.core.files.edits import MAX_DIFF_CHARS, Edit, apply_edits, bounded_diff
from runtime.core.files.paths import canonical, is_within, parents, writable
from runtime.core.files.search import MAX_LINE_CHARS, compile_pattern, glob, matching_lines


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("", "/"),
        (".", "/"),
        ("/workspace", "/"),
        ("workspace/", "/"),
        ("/workspace/a.txt", "/a.txt"),
        ("workspace/a.txt", "/a.txt"),
        ("a.txt", "/a.txt"),
        ("./a/./b/", "/a/b"),
        ("/workspaces/a", "/workspaces/a"),
        ("/workspace/workspace/a", "/a"),
        ("/a/workspace/b", "/a/workspace/b"),
        ("/ä ö/…", "/ä ö/…"),
        ("/..a/b..", "/..a/b.."),
    ],
)
def test_a_path_has_one_form(path: str, expected: str) -> None:
    assert canonical(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "/a/../b",
        "/a/..",
        "//",
        "/a//b",
        "/a\0b",
        "/a\nb",
        "/\ud800",
        "/" + "a" * 256,
        "/" + "a/" * 600,
        "ä" * 128,
    ],
)
def test_a_path_that_breaks_a_rule_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        canonical(path)
    assert caught.value.stable_code == "invalid_path"


@pytest.mark.parametrize("path", ["/", "/workspace", "/_x", "_/move", "/workspace/_a/b"])
def test_root_and_reserved_names_cannot_be_written(path: str) -> None:
    with pytest.raises(InvalidInputError):
        writable(path)


def test_reserved_names_are_reserved_at_the_root_only() -> None:
    assert writable("/a/_b") == "/a/_b"


def test_parents_are_outermost_first() -> None:
    assert parents("/a/b/c.txt") == ["/a", "/a/b"]
    assert parents("/c.txt") == []


def test_a_sibling_with_the_same_beginning_is_not_within() -> None:
    assert is_within("/a/b", "/a")
    assert is_within("/a", "/")
    assert not is_within("/ab", "/a")


def test_binary_is_a_nul_in_the_first_8_kb() -> None:
    assert is_binary(b"a" * 8191 + b"\0")
    assert not is_binary(b"a" * 8192 + b"\0")


@pytest.mark.parametrize(
    ("content", "written"),
    [
        (b"text", ("text", "text")),
        ("ä".encode(), ("ä", "text")),
        (b"a\0", ("YQA=", "base64")),
        (b"\xff\xfe", ("//4=", "base64")),
    ],
)
def test_what_is_no_text_goes_as_base64(content: bytes, written: tuple[str, str]) -> None:
    assert encode_content(content) == written
    assert decode_content(*written) == content


@pytest.mark.parametrize(
    ("content", "encoding"), [("***", "base64"), ("\ud800", "text"), ("", "gzip"), ("a", "base64")]
)
def test_content_that_is_not_what_it_says_is_refused(content: str, encoding: str) -> None:
    with pytest.raises(InvalidInputError):
        decode_content(content, encoding)


def test_a_digest_is_sha256_with_its_name() -> None:
    assert digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


# ---------------------------------------------------------------- search


def lines(content: bytes, pattern: str, limit: int = 100) -> list[tuple[int, str]]:
    return list(matching_lines(content, compile_pattern(pattern), limit))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("b", [(2, "bb"), (4, "ab")]),
        ("^b", [(2, "bb")]),
        ("b$", [(2, "bb"), (4, "ab")]),
        ("^$", [(3, "")]),
        ("(?i)A", [(1, "aa"), (4, "ab")]),
        ("[^x]+", [(1, "aa"), (2, "bb"), (4, "ab")]),
        ("x*", [(1, "aa"), (2, "bb"), (3, ""), (4, "ab")]),
        (r"\Aa", [(1, "aa")]),
        ("aa\nbb", []),
    ],
)
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_each_matching_line_is_found_once(pattern: str, expected: list[tuple[int, str]], newline: bytes) -> None:
    assert lines(newline.join([b"aa", b"bb", b"", b"ab"]), pattern) == expected


def test_search_stops_at_the_limit() -> None:
    assert lines(b"a\na\na\n", "a", limit=2) == [(1, "a"), (2, "a")]
    assert lines(b"a\n", "a", limit=0) == []


def test_a_long_line_is_cut_and_broken_text_is_shown_as_such() -> None:
    [(_, line)] = lines(b"x" * 5000, "x")
    assert len(line) == MAX_LINE_CHARS
    assert lines(b"\xffa", "a") == [(1, "\ufffda")]


@pytest.mark.parametrize(
    "pattern", ["", "(", "a{1001}", "(?=a)", r"(a)\1", "x" * 1001, "\ud800", "((a{100}){100}){100}"]
)
def test_a_pattern_that_is_wrong_or_costly_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        compile_pattern(pattern)
    assert caught.value.stable_code == "invalid_pattern"


@pytest.mark.timeout(5, func_only=True)
def test_a_pattern_made_to_explode_does_not() -> None:
    assert lines(b"a" * 1_000_000 + b"!", "(a+)+$") == []


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.py", ["/a.py", "/src/b.py", "/src/x/c.py"]),
        ("src/*.py", ["/src/b.py"]),
        ("src/**/*.py", ["/src/b.py", "/src/x/c.py"]),
        ("/workspace/src/**", ["/src/b.py", "/src/x/c.py"]),
        ("?.py", ["/a.py", "/src/b.py", "/src/x/c.py"]),
        ("a.p", []),
        ("a[.]py", []),
    ],
)
def test_a_glob_matches_as_a_shell_would(pattern: str, expected: list[str]) -> None:
    assert glob(["/a.py", "/a.pyc", "/src/b.py", "/src/x/c.py"], pattern) == expected


# ---------------------------------------------------------------- edits


def test_all_edits_see_the_original() -> None:
    assert apply_edits(b"one two", [Edit("two", "one"), Edit("one", "two")]) == b"two one"


@pytest.mark.parametrize(
    ("content", "edits"),
    [
        (b"abc", [Edit("x", "y")]),
        (b"abab", [Edit("ab", "y")]),
        (b"aaa", [Edit("aa", "y")]),
        (b"abc", [Edit("ab", "x"), Edit("bc", "y")]),
        (b"abc", [Edit("", "x")]),
        (b"a\0c", [Edit("a", "x")]),
        (b"\xff", [Edit("a", "x")]),
    ],
)
def test_an_edit_that_is_not_exact_is_refused(content: bytes, edits: list[Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        apply_edits(content, edits)
    assert caught.value.stable_code == "invalid_edit"


def test_adjacent_edits_do_not_overlap() -> None:
    assert apply_edits(b"abcd", [Edit("cd", "2"), Edit("ab", "1")]) == b"12"


def test_byte_order_mark_and_newline_style_are_kept() -> None:
    content = "\ufeffone\r\ntwo\r\n".encode()
    assert apply_edits(content, [Edit("one\ntwo", "1\n2")]) == "\ufeff1\r\n2\r\n".encode()
    assert apply_edits(b"one\r\ntwo\nthree", [Edit("two\nthree", "2\n3")]) == b"one\r\n2\n3"


def test_a_diff_shows_the_change_with_its_surroundings() -> None:
    before = "".join(f"{n}\n" for n in range(1, 101)).encode()
    after = before.replace(b"\n50\n", b"\nfifty\n50.5\n")
    assert bounded_diff(before, after, "/x").splitlines() == [
        *["--- /x", "+++ /x", "@@ -47,7 +47,8 @@", " 47", " 48", " 49", "-50", "+fifty", "+50.5", " 51", " 52", " 53"]
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"", b"a\n", ["@@ -0,0 +1 @@", "+a"]),
        (b"a\n", b"", ["@@ -1 +0,0 @@", "-a"]),
        (b"a\na\n", b"a\n", ["@@ -1,2 +1 @@", " a", "-a"]),
        (b"a\nb\n", b"a\nb\n", []),
    ],
)
def test_a_diff_reaches_to_the_ends(before: bytes, after: bytes, expected: list[str]) -> None:
    assert bounded_diff(before, after, "/x").splitlines()[2:] == expected


@pytest.mark.timeout(5, func_only=True)
def test_a_long_diff_is_cut_and_a_huge_one_costs_nothing() -> None:
    long = bounded_diff(b"", b"some words\n" * 900, "/x")
    assert MAX_DIFF_CHARS < len(long) < MAX_DIFF_CHARS + 20
    many = b"".join(b"%d\n" % (n % 5000) for n in range(200_000))
    assert bounded_diff(many, many[::-1], "/x").endswith("[too many lines to show]")
    assert "-7" in bounded_diff(many, many.replace(b"\n7\n8\n", b"\n8\n", 1), "/x")
