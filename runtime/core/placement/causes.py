"""Why actors died and sessions failed, remembered until supervision has written it into the sessions' rows."""

from typing import Final

REMEMBERED_MOST: Final = 10_000  # of each that nobody asks about any more the oldest goes


class Causes:
    """Words by the name of an actor or the id of a session."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def note(self, key: str, cause: str) -> None:
        """Remember why; what was known of it before is forgotten."""
        self._words.pop(key, None)
        self._words[key] = cause
        if len(self._words) > REMEMBERED_MOST:
            del self._words[next(iter(self._words))]

    def of(self, key: str) -> str:
        """Return why, "" if that is not known."""
        return self._words.get(key, "")

    def drop(self, key: str) -> None:
        """Forget it: it has been written down."""
        self._words.pop(key, None)
