"""The files of a workspace: reading and writing."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from runtime.core.authored.definition import InitialFile
from runtime.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from runtime.core.files.content import digest
from runtime.process.mint import new_id
from runtime.store.files import WorkspaceFiles
from runtime.store.pool import Pool
from runtime.store.workspaces import WorkspaceStore
from tests.tenancy import ours


async def paths(files: WorkspaceFiles, path: str = "/") -> list[str]:
    return [entry.path for entry in await files.list(path, recursive=True)]


async def fill(files: WorkspaceFiles, *names: str) -> None:
    for name in names:
        await files.write(name, name.encode())


async def test_a_file_is_read_as_it_was_written(files: WorkspaceFiles) -> None:
    content = bytes(range(256))
    entry, created = await files.write("/workspace/a/b.bin", content)
    assert (entry.path, entry.name, entry.size_bytes, created) == ("/a/b.bin", "b.bin", 256, True)
    read = await files.read("a/b.bin")
    assert (read.content, read.entry) == (content, entry)
    assert await files.stat("/a/b.bin") == entry
    assert (await files.stat("/a")).is_directory


async def test_writing_again_replaces(files: WorkspaceFiles) -> None:
    first, _ = await files.write("/a", b"one")
    second, created = await files.write("/a", b"")
    assert (second.id, second.size_bytes, created) == (first.id, 0, False)
    assert (await files.read("/a")).content == b""


async def test_a_directory_lists_what_is_in_it_and_with_recursive_all_below(files: WorkspaceFiles) -> None:
    await fill(files, "/b/c/d", "/b/a", "/a", "/b.txt", "/b0")
    assert [(e.path, e.is_directory) for e in await files.list()] == [
        ("/a", False),
        ("/b", True),
        ("/b.txt", False),
        ("/b0", False),
    ]
    assert [entry.path for entry in await files.list("/b/")] == ["/b/a", "/b/c"]
    assert await paths(files, "/b") == ["/b/a", "/b/c", "/b/c/d"]


async def test_listing_what_is_no_directory_says_so(files: WorkspaceFiles) -> None:
    await fill(files, "/a")
    with pytest.raises(InvalidInputError):
        await files.list("/a")
    with pytest.raises(NotFoundError):
        await files.list("/b")


async def test_the_root_is_a_directory(files: WorkspaceFiles) -> None:
    root = await files.stat("/workspace")
    assert (root.path, root.is_directory) == ("/", True)
    with pytest.raises(InvalidInputError):
        await files.read("/")


async def test_create_refuses_what_is_there(files: WorkspaceFiles) -> None:
    await files.create("/a/b", b"x")
    await files.create_directory("/d/e")
    for path in ("/a/b", "/a", "/d/e"):
        with pytest.raises(ConflictError) as caught:
            await files.create(path, b"y")
        assert caught.value.stable_code == "file_exists"
        with pytest.raises(ConflictError):
            await files.create_directory(path)
    assert await paths(files) == ["/a", "/a/b", "/d", "/d/e"]


@pytest.mark.parametrize("path", ["/a/b", "/a/b/c"])
async def test_a_file_is_not_a_directory(files: WorkspaceFiles, path: str) -> None:
    await fill(files, "/a")
    for write in (files.write(path, b""), files.create(path, b""), files.create_directory(path)):
        with pytest.raises(InvalidInputError) as caught:
            await write
        assert caught.value.stable_code == "not_a_directory"
    assert await paths(files) == ["/a"]


async def test_a_directory_is_not_a_file(files: WorkspaceFiles) -> None:
    await files.create_directory("/a")
    for call in (files.write("/a", b""), files.read("/a"), files.replace("/a", b"")):
        with pytest.raises(InvalidInputError) as caught:
            await call
        assert caught.value.stable_code == "is_a_directory"


async def test_replace_changes_an_existing_file_only(files: WorkspaceFiles) -> None:
    with pytest.raises(NotFoundError):
        await files.replace("/a", b"")
    await fill(files, "/a")
    assert (await files.replace("/a", b"longer", is_readonly=True)).is_readonly
    assert (await files.read("/a")).content == b"longer"


async def test_replace_with_a_hash_loses_against_a_newer_write(files: WorkspaceFiles) -> None:
    await files.write("/a", b"one")
    seen = digest(b"one")
    await files.replace("/a", b"two", if_hash=seen)
    with pytest.raises(ConflictError) as caught:
        await files.replace("/a", b"three", if_hash=seen)
    assert caught.value.stable_code == "file_changed"
    assert (await files.read("/a")).content == b"two"


async def test_of_many_replaces_of_one_version_only_one_succeeds(files: WorkspaceFiles) -> None:
    await files.write("/a", b"")
    tries = [files.replace("/a", b"%d" % n, if_hash=digest(b"")) for n in range(8)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, ConflictError) for result in results) == 7


async def test_a_read_only_file_stays_as_it_is(files: WorkspaceFiles) -> None:
    await files.create("/d/a", b"x", is_readonly=True)
    refused: list[Callable[[], Awaitable[object]]] = [
        lambda: files.write("/d/a", b"y"),
        lambda: files.replace("/d/a", b"y"),
        lambda: files.replace("/d/a", b"y", is_readonly=False),
        lambda: files.delete("/d/a"),
        lambda: files.delete("/d", recursive=True),
        lambda: files.move("/d/a", "/b"),
        lambda: files.move("/d", "/e"),
    ]
    for call in refused:
        with pytest.raises(ForbiddenError) as caught:
            await call()
        assert caught.value.stable_code == "file_readonly"
    assert await paths(files) == ["/d", "/d/a"]
    assert not (await files.replace("/d/a", None, is_readonly=False)).is_readonly
    assert await files.delete("/d", recursive=True)


async def test_delete_says_whether_there_was_anything(files: WorkspaceFiles) -> None:
    await fill(files, "/a/b", "/ab")
    assert not await files.delete("/c")
    with pytest.raises(ConflictError) as caught:
        await files.delete("/a")
    assert caught.value.stable_code == "directory_not_empty"
    assert await files.delete("/a/b")
    assert await files.delete("/a")
    assert await paths(files) == ["/ab"]


async def test_the_root_cannot_be_changed(files: WorkspaceFiles) -> None:
    for call in (files.delete("/", recursive=True), files.write("/workspace/", b""), files.move("/", "/a")):
        with pytest.raises(InvalidInputError):
            await call


async def test_move_takes_the_whole_tree_along(files: WorkspaceFiles) -> None:
    await fill(files, "/a/b/c", "/a/d", "/ab")
    moved = await files.move("/a", "/x/y")
    assert (moved.path, moved.is_directory) == ("/x/y", True)
    assert await paths(files) == ["/ab", "/x", "/x/y", "/x/y/b", "/x/y/b/c", "/x/y/d"]
    assert (await files.read("/x/y/b/c")).content == b"/a/b/c"


async def test_copy_leaves_the_source_and_makes_files_that_can_be_written(files: WorkspaceFiles) -> None:
    await files.create("/a/b", b"x", is_readonly=True)
    original = await files.stat("/a/b")
    await files.copy("/a", "/c")
    copied = await files.stat("/c/b")
    assert (copied.is_readonly, copied.size_bytes, copied.id != original.id) == (False, 1, True)
    await files.write("/c/b", b"y")
    assert (await files.read("/a/b")).content == b"x"


@pytest.mark.parametrize("operation", ["move", "copy"])
async def test_move_and_copy_refuse_what_cannot_be(files: WorkspaceFiles, operation: str) -> None:
    call = getattr(files, operation)
    await fill(files, "/a/b", "/c")
    with pytest.raises(NotFoundError):
        await call("/gone", "/x")
    for target in ("/c", "/a/b", "/a"):
        with pytest.raises((ConflictError, InvalidInputError)):
            await call("/a", target)
    with pytest.raises(InvalidInputError):
        await call("/a", "/a/x")
    with pytest.raises(InvalidInputError):
        await call("/a", "/c/x")
    deep = "/".join(["d" * 200] * 5)
    with pytest.raises(InvalidInputError):
        await call("/a", f"{deep}/{'e' * 18}")
    assert await paths(files) == ["/a", "/a/b", "/c"]


async def test_a_name_may_hold_what_sql_patterns_do(files: WorkspaceFiles) -> None:
    await fill(files, "/a%/b_", "/ab/b", "/a\\/x", "/ä/ö", "/a/\U0001f600")
    await files.move("/a%", "/c%")
    await files.delete("/ä", recursive=True)
    assert await paths(files) == ["/a", "/a/\U0001f600", "/a\\", "/a\\/x", "/ab", "/ab/b", "/c%", "/c%/b_"]


async def test_writes_at_once_into_one_new_directory_all_succeed(files: WorkspaceFiles) -> None:
    made = await asyncio.gather(*(files.write(f"/new/dir/{n}", b"x") for n in range(16)))
    assert all(created for _, created in made)
    assert len(await files.list("/new/dir")) == 16


async def test_workspaces_do_not_see_each_others_files(files: WorkspaceFiles, db: Pool) -> None:
    await fill(files, "/a")
    other = WorkspaceFiles(ours(db), (await WorkspaceStore(ours(db)).create("other")).id)
    assert await other.list() == []
    assert not await other.delete("/a")


# ---------------------------------------------------------------- limits


async def test_a_file_has_a_limit(files: WorkspaceFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.store.files.MAX_FILE_BYTES", 10)
    await files.write("/a", b"x" * 10)
    with pytest.raises(InvalidInputError) as caught:
        await files.write("/a", b"x" * 11)
    assert caught.value.stable_code == "file_too_large"


async def test_a_workspace_has_a_limit_that_writes_at_once_cannot_pass(
    files: WorkspaceFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.store.files.MAX_WORKSPACE_BYTES", 35)
    results = await asyncio.gather(*(files.write(f"/{n}", b"x" * 10) for n in range(8)), return_exceptions=True)
    assert sum(isinstance(result, InvalidInputError) for result in results) == 5
    assert len(await files.list()) == 3
    kept = (await files.list())[0].path
    await files.write(kept, b"x" * 15)
    with pytest.raises(InvalidInputError):
        await files.copy(kept, "/copy")
    await files.write(kept, b"")
    await files.copy(kept, "/copy")


async def test_a_full_workspace_can_still_shrink(files: WorkspaceFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    await files.write("/a", b"x" * 20)
    monkeypatch.setattr("runtime.store.files.MAX_WORKSPACE_BYTES", 10)
    await files.write("/a", b"x" * 15)
    assert await files.delete("/a")


async def test_a_workspace_has_so_many_entries(files: WorkspaceFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.store.files.MAX_ENTRIES", 2)
    await files.create_directory("/a")
    await files.write("/b", b"")
    for call in (files.write("/c", b""), files.create_directory("/d"), files.copy("/b", "/e")):
        with pytest.raises(InvalidInputError):
            await call


async def test_directories_that_come_with_what_is_below_them_are_entries_too(
    files: WorkspaceFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(files, "/a/b", "/c")
    monkeypatch.setattr("runtime.store.files.MAX_ENTRIES", 5)
    for call in (
        files.move("/c", "/d/e/f/c"),
        files.copy("/c", "/d/e/c"),
        files.write("/d/e/f", b""),
        files.create_directory("/d/e/f"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            await call
        assert caught.value.stable_code == "workspace_full"
    await files.move("/c", "/d/e/c")
    await files.move("/d/e/c", "/a/c")  # a full one can still be put in order
    assert await paths(files) == ["/a", "/a/b", "/a/c", "/d", "/d/e"]


# ---------------------------------------------------------------- the workspace itself


async def test_an_archived_workspace_can_be_read_and_not_written(
    files: WorkspaceFiles, workspace_id: str, db: Pool
) -> None:
    await fill(files, "/a")
    await WorkspaceStore(ours(db)).archive(workspace_id)
    assert (await files.read("/a")).content == b"/a"
    with pytest.raises(ForbiddenError) as caught:
        await files.write("/b", b"")
    assert caught.value.stable_code == "workspace_archived"


async def test_there_is_no_writing_to_a_workspace_that_is_gone(
    files: WorkspaceFiles, workspace_id: str, db: Pool
) -> None:
    with pytest.raises(NotFoundError):
        await WorkspaceFiles(ours(db), new_id("wsp")).write("/a", b"")
    for _ in range(2):
        await WorkspaceStore(ours(db)).archive(workspace_id)
    with pytest.raises(NotFoundError):
        await files.write("/a", b"")


# ---------------------------------------------------------------- starter files


async def test_starter_files_are_put_in_and_the_last_of_a_path_counts(files: WorkspaceFiles) -> None:
    await files.seed(
        [
            InitialFile("/workspace/a/b.txt", "one"),
            InitialFile("a/b.txt", "two", is_readonly=True),
            InitialFile("/c.bin", "AAE=", encoding="base64"),
        ]
    )
    assert await paths(files) == ["/a", "/a/b.txt", "/c.bin"]
    assert (await files.read("/a/b.txt")).content == b"two"
    assert (await files.stat("/a/b.txt")).is_readonly
    assert (await files.read("/c.bin")).content == b"\0\1"


async def test_starter_files_do_not_overwrite_work(files: WorkspaceFiles) -> None:
    await files.write("/a.txt", b"work")
    await files.seed([InitialFile("/a.txt", "starter"), InitialFile("/b.txt", "starter")])
    assert (await files.read("/a.txt")).content == b"work"
    assert (await files.read("/b.txt")).content == b"starter"


async def test_no_starter_files_are_no_work(files: WorkspaceFiles, db: Pool) -> None:
    await files.seed([])
    await WorkspaceFiles(ours(db), new_id("wsp")).seed([])


@pytest.mark.parametrize("names", [("/a", "/a/b"), ("/a/b", "/a"), ("/work/x",), ("/dir",)])
async def test_starter_files_that_do_not_fit_change_nothing(files: WorkspaceFiles, names: tuple[str, ...]) -> None:
    await fill(files, "/work", "/dir/file")
    with pytest.raises(InvalidInputError):
        await files.seed([InitialFile("/fine", "x"), *(InitialFile(name, "x") for name in names)])
    assert await paths(files) == ["/dir", "/dir/file", "/work"]


# ---------------------------------------------------------------- search


async def test_grep_finds_lines_of_text_files_by_path_and_number(files: WorkspaceFiles) -> None:
    await files.write("/b.txt", b"one\ntwo\nonce\n")
    await files.write("/a/c.py", b"none")
    await files.write("/x.bin", b"one\0")
    matches = await files.grep("on[ec]")
    assert [(m.path, m.line_number, m.line) for m in matches] == [
        ("/a/c.py", 1, "none"),
        ("/b.txt", 1, "one"),
        ("/b.txt", 3, "once"),
    ]
    assert [m.path for m in await files.grep("one", path_contains=".py")] == ["/a/c.py"]
    assert await files.grep("one", path_contains="%") == []


async def test_grep_looks_through_more_than_it_fetches_at_once(
    files: WorkspaceFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.store.file_search._BATCH_BYTES", 10)
    for number in range(7):
        await files.write(f"/{number}", b"abc\n" * (number + 1))
    assert len(await files.grep("abc")) == 28


async def test_grep_stops_at_its_limit(files: WorkspaceFiles) -> None:
    await files.write("/a", b"x\n" * 900)
    await files.write("/b", b"x\n" * 900)
    matches = await files.grep("x")
    assert (len(matches), matches[-1].path, matches[-1].line_number) == (1000, "/b", 100)


async def test_a_bad_pattern_is_refused(files: WorkspaceFiles) -> None:
    with pytest.raises(InvalidInputError):
        await files.grep("(")
