"""How much a workspace may hold (contract concepts §13)."""

from typing import Final

MAX_WORKSPACE_BYTES: Final = 500 * 1024 * 1024
MAX_FILE_BYTES: Final = 100 * 1024 * 1024
MAX_ENTRIES: Final = 100_000
MAX_PATH_BYTES: Final = 1024
MAX_NAME_BYTES: Final = 255
