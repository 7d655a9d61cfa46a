"""Searching the text of a workspace.

The pattern runs on RE2, in a thread and without Python's lock: it can neither hang a session nor delay its
neighbours. Files are fetched a few megabytes at a time.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from runtime.core.files.search import Pattern, compile_pattern, matching_lines
from runtime.ports.files import LineMatch
from runtime.store.pool import translate
from runtime.store.tenant import Tenant

MAX_MATCHES: Final = 1000
_BATCH_BYTES: Final = 8 << 20

PATHS: Final = """
SELECT path, size_bytes FROM files
WHERE org_id = current_org() AND workspace_id = $1 AND size_bytes > 0 AND strpos(path, $2) > 0 ORDER BY path
"""
# Binary files (a NUL in the first 8 KB) stay where they are.
CONTENT: Final = """
SELECT path, content FROM files
WHERE org_id = current_org() AND workspace_id = $1 AND path = ANY($2::text[])
  AND position('\\x00'::bytea IN substring(content FOR 8192)) = 0
ORDER BY path
"""


async def grep(tenant: Tenant, workspace: str, pattern: str, path_contains: str) -> Sequence[LineMatch]:
    """Return the first 1000 matching lines of the text files whose path has the substring, by path.

    Raises:
        InvalidInputError: the pattern is not valid.
    """
    compiled = compile_pattern(pattern)
    matches: list[LineMatch] = []
    with translate():
        for paths in _batches(await tenant.fetch(PATHS, workspace, path_contains)):
            files = await tenant.fetch(CONTENT, workspace, paths)
            matches += await asyncio.to_thread(_search, files, compiled, MAX_MATCHES - len(matches))
            if len(matches) == MAX_MATCHES:
                break
    return matches


def _batches(rows: Sequence[Any]) -> list[list[str]]:
    batches: list[list[str]] = []
    size_bytes = _BATCH_BYTES
    for row in rows:
        size_bytes += row["size_bytes"]
        if size_bytes > _BATCH_BYTES:
            batches.append([])
            size_bytes = row["size_bytes"]
        batches[-1].append(row["path"])
    return batches


def _search(files: Sequence[Any], pattern: Pattern, limit: int) -> list[LineMatch]:
    found: list[LineMatch] = []
    for row in files:
        lines = matching_lines(row["content"], pattern, limit - len(found))
        found += [LineMatch(row["path"], number, line) for number, line in lines]
    return found
