import tracemalloc
from typing import Any

import msgspec
import pytest
from starlette.exceptions import HTTPException

from api.http.body import parse, read
from api.http.errors import BodyRefusedError
from runtime.core.storable import MAX_DEPTH

anything: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()
pair = msgspec.json.Decoder(msgspec.defstruct("Pair", [("a", int)]))
numbers = msgspec.json.Decoder(list[int])


@pytest.mark.parametrize("raw", [b"", b"{", b"nan", b'"\\ud800 "', b'"\xff"', b"1e999", b"{} {}", b"9" * 5000])
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        parse(raw)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("raw", [b'"\\u0000"', b'{"a\\u0000":1}', b'[{"a":["\\u0000"]}]'])
def test_nul_characters_are_refused(raw: bytes) -> None:
    for function in (parse, lambda raw: read(anything, raw)):
        with pytest.raises(HTTPException, match="NUL"):
            function(raw)


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'[{"a":{"b":1,"c":2,"b":3}}]', b'{"a":1,"\\u0061":2}'])
def test_name_that_comes_twice_is_refused(raw: bytes) -> None:
    for function in (parse, lambda raw: read(anything, raw)):
        with pytest.raises(HTTPException, match="twice"):
            function(raw)


def test_same_name_in_two_objects_is_taken() -> None:
    assert parse(b'[{"a":1},{"a":{"a":2}}]') == [{"a": 1}, {"a": {"a": 2}}]


def test_broken_text_is_refused_also_where_nobody_reads_it() -> None:
    with pytest.raises(HTTPException, match="not valid JSON"):
        read(pair, b'{"a":1,"else":"\xff"}')


def test_backslash_that_only_looks_like_a_nul_is_taken() -> None:
    assert read(anything, rb'"\\u0000"') == "\\u0000"


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    for function in (parse, lambda raw: read(anything, raw)):
        with pytest.raises(HTTPException, match="nested"):
            function(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize("raw", [b"[" + b"[]," * 2_600_000 + b"1]", b"{" + b'"":1,' * 1_600_000 + b'"a":1}'])
def test_crowded_body_is_refused_before_it_is_read(raw: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(BodyRefusedError, match="more than 100000 values") as caught:
        parse(raw)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (caught.value.status_code, caught.value.code) == (400, "too_many_values")
    assert most_bytes < 3 * len(raw)


def test_deep_body_says_so_in_its_code() -> None:
    with pytest.raises(BodyRefusedError) as caught:
        parse(b"[" * 101 + b"]" * 101)
    assert caught.value.code == "nested_too_deep"


def test_wide_values_are_taken() -> None:
    assert len(read(anything, b"[" + b",".join([b"[]"] * 1000) + b"]")) == 1000


def test_wrong_type_is_explained() -> None:
    with pytest.raises(HTTPException, match=r"Expected `int`, got `str`.*\$\[0\]"):
        read(numbers, b'["a"]')
