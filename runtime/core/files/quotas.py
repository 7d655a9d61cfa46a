"""How much is kept of files and pictures, and what a workspace may be begun with (docs/wire.md, "Limits")."""

from typing import Final

MAX_WORKSPACE_BYTES: Final = 500 * 1024 * 1024
MAX_FILE_BYTES: Final = 100 * 1024 * 1024
MAX_ENTRIES: Final = 100_000
MAX_PATH_BYTES: Final = 1024
MAX_NAME_BYTES: Final = 255
MAX_STARTER_FILES: Final = 100
MAX_STARTER_BYTES: Final = 5 * 1024 * 1024
MAX_IMAGE_BYTES: Final = 2_000_000_000  # of an organisation's uploads, of a session's messages; unless a setting says
LEAST_IMAGE_BYTES: Final = 10_000  # as which a small one counts, so that their number is bounded too
