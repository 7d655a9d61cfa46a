"""The file tools on a real workspace, and the key-value store on a real table."""

from typing import Any

import pytest

from runtime.capabilities.session_file_system import SessionFileSystem
from runtime.capabilities.session_storage import SessionStorage
from runtime.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, ToolError
from runtime.core.event import FileWritten
from runtime.core.files.content import digest
from runtime.process.mint import new_id
from runtime.store.files import WorkspaceFiles
from runtime.store.keys import SessionKeys
from runtime.store.pool import Pool
from runtime.store.workspaces import WorkspaceStore
from tests.tenancy import ours
from tests.tool_contexts import ToolBench


@pytest.fixture
async def bench(db: Pool) -> ToolBench:
    workspace = await WorkspaceStore(ours(db)).create("work")
    return ToolBench(files=WorkspaceFiles(ours(db), workspace.id), keys=SessionKeys(ours(db), new_id("session")))


async def call(bench: ToolBench, name: str, **arguments: Any) -> Any:
    return await bench.call(SessionFileSystem(), name, **arguments)


async def test_a_written_file_is_read_back_and_journaled(bench: ToolBench) -> None:
    written = await call(bench, "write_file", path="/workspace/a/b.txt", content="one\ntwo\n")
    assert (written["path"], written["created"], written["hash"]) == ("/a/b.txt", True, digest(b"one\ntwo\n"))
    assert bench.emitted == [FileWritten(path="/a/b.txt", operation="write", created=True, size_bytes=8)]
    read = await call(bench, "read_file", path="a/b.txt")
    assert read == {
        "path": "/a/b.txt",
        "content": "one\ntwo\n",
        "total_lines": 2,
        "truncated": False,
        "hash": written["hash"],
    }


async def test_reading_can_be_limited_to_some_lines(bench: ToolBench) -> None:
    await call(bench, "write_file", path="/a", content="1\n2\n3\n4")
    read = await call(bench, "read_file", path="/a", offset=1, limit=2)
    assert (read["content"], read["total_lines"], read["truncated"]) == ("2\n3\n", 4, True)
    rest = await call(bench, "read_file", path="/a", offset=3)
    assert (rest["content"], rest["truncated"]) == ("4", False)


async def test_a_long_line_does_not_flood_the_model(bench: ToolBench) -> None:
    await call(bench, "write_file", path="/a", content="x" * 200_000)
    read = await call(bench, "read_file", path="/a")
    assert (len(read["content"]), read["truncated"]) == (100_000, True)


async def test_binary_files_are_not_shown(bench: ToolBench) -> None:
    await bench.files.write("/a", b"\0")
    with pytest.raises(ToolError, match="not text"):
        await call(bench, "read_file", path="/a")


async def test_of_several_files_the_readable_ones_are_read(bench: ToolBench) -> None:
    await call(bench, "write_file", path="/a", content="a")
    await bench.files.write("/b", b"\0")
    result = await call(bench, "read_many_files", paths=["/a", "/b", "/gone", "/../x"])
    assert [("content" in file, "error" in file) for file in result["files"]] == [(True, False), *[(False, True)] * 3]
    with pytest.raises(ToolError):
        await call(bench, "read_many_files", paths=["/a"])


async def test_an_edit_needs_the_hash_of_what_is_there(bench: ToolBench) -> None:
    seen = (await call(bench, "write_file", path="/a", content="one\ntwo\n"))["hash"]
    edits = [{"old_text": "two", "new_text": "2"}]
    edited = await call(bench, "edit_file", path="/a", expected_hash=seen, edits=edits)
    assert edited["hash"] == digest(b"one\n2\n")
    assert edited["diff"].splitlines()[-2:] == ["-two", "+2"]
    assert bench.emitted[-1] == FileWritten(path="/a", operation="edit", created=False, size_bytes=6)
    with pytest.raises(ToolError, match=edited["hash"]):
        await call(bench, "edit_file", path="/a", expected_hash=seen, edits=edits)
    with pytest.raises(InvalidInputError):
        await call(bench, "edit_file", path="/a", expected_hash=edited["hash"], edits=edits)
    assert len(bench.emitted) == 2


async def test_a_write_between_the_read_and_the_edit_is_not_lost(bench: ToolBench) -> None:
    class Meddling(WorkspaceFiles):
        async def replace(self, path: str, *arguments: Any, **options: Any) -> Any:
            await self.write(path, b"newer")
            return await super().replace(path, *arguments, **options)

    assert isinstance(bench.files, WorkspaceFiles)
    seen = (await call(bench, "write_file", path="/a", content="old"))["hash"]
    bench.files = Meddling(bench.files._tenant, f"wsp_{bench.files._workspace}")
    edits = [{"old_text": "old", "new_text": "new"}]
    with pytest.raises(ConflictError):
        await call(bench, "edit_file", path="/a", expected_hash=seen, edits=edits)
    assert (await bench.files.read("/a")).content == b"newer"


async def test_a_directory_is_listed(bench: ToolBench) -> None:
    await call(bench, "write_file", path="/d/e/f", content="x")
    await call(bench, "write_file", path="/d/a", content="xy")
    listed = await call(bench, "list_directory", path="/d")
    assert [(e["path"], e["type"], e["size_bytes"]) for e in listed["entries"]] == [
        ("/d/a", "file", 2),
        ("/d/e", "directory", 0),
    ]
    assert [e["path"] for e in (await call(bench, "list_directory"))["entries"]] == ["/d"]


@pytest.mark.parametrize("name", ["grep_files", "grep"])
async def test_search_finds_lines(bench: ToolBench, name: str) -> None:
    await call(bench, "write_file", path="/src/a.py", content="import os\n")
    await call(bench, "write_file", path="/b.py", content="import re\n")
    found = await call(bench, name, pattern="^import", path="/workspace/src")
    assert found == {
        "matches": [{"path": "/src/a.py", "line_number": 1, "line": "import os"}],
        "truncated": False,
    }
    assert len((await call(bench, name, pattern="^import", path=".py"))["matches"]) == 2
    assert len((await call(bench, name, pattern="^import", path="/workspace"))["matches"]) == 2


async def test_glob_finds_paths(bench: ToolBench) -> None:
    for path in ("/src/a.py", "/src/x/b.py", "/c.py", "/src/c.md"):
        await call(bench, "write_file", path=path, content="")
    assert (await call(bench, "glob", pattern="*.py"))["paths"] == ["/c.py", "/src/a.py", "/src/x/b.py"]
    assert (await call(bench, "glob", pattern="src/*.py"))["paths"] == ["/src/a.py"]
    assert (await call(bench, "glob", pattern="x/*", path="/workspace/src"))["paths"] == ["/src/x/b.py"]


async def test_delete_is_journaled_if_there_was_something(bench: ToolBench) -> None:
    await call(bench, "write_file", path="/a", content="x")
    assert await call(bench, "delete_file", path="workspace/a") == {"path": "/a", "deleted": True}
    assert await call(bench, "delete_file", path="/a") == {"path": "/a", "deleted": False}
    assert [event.operation for event in bench.emitted if isinstance(event, FileWritten)] == ["write", "delete"]


async def test_stat_tells_size_and_times(bench: ToolBench) -> None:
    await call(bench, "write_file", path="/a", content="xyz")
    stat = await call(bench, "stat_file", path="/a")
    assert (stat["type"], stat["size_bytes"], stat["is_readonly"]) == ("file", 3, False)
    assert stat["created_at"].endswith("Z")
    with pytest.raises(NotFoundError):
        await call(bench, "stat_file", path="/gone")


async def test_what_is_refused_is_not_journaled(bench: ToolBench) -> None:
    await bench.files.create("/a", b"x", is_readonly=True)
    with pytest.raises(ForbiddenError):
        await call(bench, "write_file", path="/a", content="y")
    with pytest.raises(InvalidInputError):
        await call(bench, "write_file", path="/../a", content="y")
    with pytest.raises(InvalidInputError):
        await call(bench, "write_file", path="/b", content="\ud800")
    assert bench.emitted == []


async def test_values_are_kept_under_keys(bench: ToolBench) -> None:
    storage = SessionStorage()
    assert await bench.call(storage, "kv_store", operation="set", key="k", value="v") == {"key": "k", "stored": True}
    assert (await bench.call(storage, "kv_store", operation="get", key="k"))["value"] == "v"
    assert await bench.call(storage, "kv_store", operation="list") == {"keys": ["k"]}
    assert (await bench.call(storage, "kv_store", operation="delete", key="k"))["deleted"]
    assert (await bench.call(storage, "kv_store", operation="get", key="k")) == {
        "key": "k",
        "value": None,
        "found": False,
    }


@pytest.mark.parametrize("arguments", [{"operation": "get"}, {"operation": "set", "key": "k"}, {"operation": "drop"}])
async def test_an_operation_needs_its_arguments(bench: ToolBench, arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolError):
        await bench.call(SessionStorage(), "kv_store", **arguments)
