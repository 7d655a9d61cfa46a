"""What layers come to together."""

import base64

import pytest

from runtime.core.authored.definition import InitialFile, Layer
from runtime.core.authored.layers import innermost, prompts, starter_files
from runtime.core.errors import InvalidInputError
from runtime.core.files.quotas import MAX_STARTER_BYTES, MAX_STARTER_FILES


def having(*files: InitialFile) -> Layer:
    return Layer(initial_files=files)


@pytest.mark.parametrize(
    ("values", "found"), [([], None), ([None], None), ([1, None], 1), ([1, 2], 2), ([1, False, None], False)]
)
def test_the_last_that_says_something_counts(values: list[int | None], found: int | None) -> None:
    assert innermost(values) == found


def test_layers_without_a_prompt_leave_no_gap() -> None:
    assert prompts([Layer(system_prompt="a"), Layer(), Layer(system_prompt="b")]) == "a\n\nb"


def test_an_inner_file_takes_the_place_of_an_outer_one_by_path() -> None:
    outer = having(InitialFile("/workspace/b.txt", "outer"), InitialFile("c.txt", "outer"))
    inner = having(InitialFile("/b.txt", "inner"), InitialFile("a.txt", "inner"))
    assert [(f.path, f.content) for f in starter_files([outer, inner])] == [
        ("a.txt", "inner"),
        ("/b.txt", "inner"),
        ("c.txt", "outer"),
    ]


def test_files_are_counted_over_all_layers() -> None:
    files = [InitialFile(f"/{number}", "") for number in range(MAX_STARTER_FILES)]
    assert len(starter_files([having(*files), having(*files)])) == MAX_STARTER_FILES
    with pytest.raises(InvalidInputError):
        starter_files([having(*files), having(InitialFile("/more", ""))])


def test_bytes_are_counted_as_they_will_be_stored() -> None:
    half = base64.b64encode(bytes(MAX_STARTER_BYTES // 2)).decode()
    layers = [having(InitialFile("/a", half, "base64")), having(InitialFile("/b", half, "base64"))]
    assert len(starter_files(layers)) == 2
    with pytest.raises(InvalidInputError):
        starter_files([*layers, having(InitialFile("/c", "xx"))])
