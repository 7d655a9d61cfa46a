"""The files of a workspace do what a plain dictionary of paths does, whatever is asked in whatever order."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.core.errors import CallerError
from runtime.core.files.paths import is_within, parents
from runtime.process.mint import new_id
from runtime.store.files import WorkspaceFiles
from runtime.store.pool import Pool
from runtime.store.workspaces import WorkspaceStore
from tests.tenancy import ours

paths = st.sampled_from(["/a", "/b", "/a/a", "/a/b", "/ab", "/a/b/c", "/b/c", "/a0"])
operations = st.lists(
    st.one_of(
        st.tuples(st.just("write"), paths, st.binary(max_size=3)),
        st.tuples(st.just("create"), paths, st.binary(max_size=3)),
        st.tuples(st.just("create_directory"), paths),
        st.tuples(st.just("delete"), paths),
        st.tuples(st.just("move"), paths, paths),
        st.tuples(st.just("copy"), paths, paths),
    ),
    max_size=12,
)


class Refused(Exception):  # noqa: N818  not an error of the product
    pass


class PlainTree:
    """Paths and contents; None is a directory."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes | None] = {}

    def write(self, path: str, content: bytes) -> None:
        if path in self.entries and self.entries[path] is None:
            raise Refused
        self._put(path, content)

    def create(self, path: str, content: bytes) -> None:
        if path in self.entries:
            raise Refused
        self._put(path, content)

    def create_directory(self, path: str) -> None:
        if path in self.entries:
            raise Refused
        self._put(path, None)

    def delete(self, path: str) -> None:
        self.entries = {p: c for p, c in self.entries.items() if not is_within(p, path)}

    def move(self, source: str, target: str) -> None:
        self.copy(source, target)
        self.delete(source)

    def copy(self, source: str, target: str) -> None:
        if source not in self.entries or target in self.entries or is_within(target, source):
            raise Refused
        tree = {target + p.removeprefix(source): c for p, c in self.entries.items() if is_within(p, source)}
        self._put(target, tree[target])
        self.entries.update(tree)

    def _put(self, path: str, content: bytes | None) -> None:
        if any(self.entries.get(parent) is not None for parent in parents(path)):
            raise Refused
        for parent in parents(path):
            self.entries.setdefault(parent, None)
        self.entries[path] = content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations)
async def test_files_do_what_a_plain_tree_does(db: Pool, operations: list[tuple[Any, ...]]) -> None:
    workspace = await WorkspaceStore(ours(db)).create(new_id("wsp"))
    files, model = WorkspaceFiles(ours(db), workspace.id), PlainTree()
    for name, *arguments in operations:
        options = {"recursive": True} if name == "delete" else {}
        try:
            await getattr(files, name)(*arguments, **options)
            is_refused = False
        except CallerError:
            is_refused = True
        try:
            getattr(model, name)(*arguments)
            assert not is_refused
        except Refused:
            assert is_refused
    found = {
        e.path: None if e.is_directory else (await files.read(e.path)).content for e in await files.list(recursive=True)
    }
    assert found == model.entries
    assert list(found) == sorted(found)
