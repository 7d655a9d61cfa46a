"""Keys that got into a file of the repository, known by their shapes (`make check`).

    python -m supplychain.leaks

It looks at what is tracked or about to be. Examples in documents and tests are shorter than a real key, or put together
when they run.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from supplychain.project import ROOT

# As their issuers give them out. A shape that begins with nothing of its own, a password say, cannot be known.
SHAPES: Final[Mapping[str, str]] = {
    "private_key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY",
    "sealing_key": r"\b[\w.-]+:[A-Za-z0-9+/]{43}=(?!=)",  # SECRETS_ENCRYPTION_KEY
    "perdure_token": r"\bevr_(?:pat|ak|app)_[A-Za-z0-9]{20}",
    "model_vendor_key": r"\b(?:sk-[\w-]{32}|gsk_\w{40}|xai-\w{40}|hf_[A-Za-z]{34}|AIza[\w-]{35})",
    "cloud_key": r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b|\bGOCSPX-[\w-]{28}",
    "forge_token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{50}|glpat-[\w-]{20})",
    "registry_token": r"\b(?:pypi-AgE[\w-]{50}|npm_[A-Za-z0-9]{36})",
    "chat_or_payment_key": r"\b(?:xox[abeoprs]-[\w-]{20}|[rs]k_live_\w{20})",
    "json_web_token": r"\beyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{16}",
}
_ANY: Final = re.compile("|".join(f"(?P<{kind}>{shape})" for kind, shape in SHAPES.items()).encode())


def leaks(text: bytes) -> Iterator[tuple[int, str]]:
    """Yield the line and the kind of everything that looks like a key. It is not repeated: whoever reads it has it."""
    for match in _ANY.finditer(text):
        yield text.count(b"\n", 0, match.start()) + 1, str(match.lastgroup)


def files(tree: Path) -> Iterator[Path]:
    """Yield every file of a tree that git tracks or would add. Raises CalledProcessError if git knows no such tree."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=tree, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603  whichever git
    for name in sorted({*listed.decode().split("\0")} - {""}):
        if (file := tree / name).is_file():  # and not one that was just removed
            yield file


def main() -> None:
    """Look at every file; the exit code is 1 if something was found."""
    looked_at = [*files(ROOT)]
    found = [
        f"{file.relative_to(ROOT)}:{line}: looks like a {kind.replace('_', ' ')}"
        for file in looked_at
        for line, kind in leaks(file.read_bytes())
    ]
    if found:
        sys.exit("\n".join([*found, "A key that was committed is known: revoke it, then take it out."]))
    sys.stdout.write(f"{len(looked_at)} files, no key in any of them\n")


if __name__ == "__main__":
    main()
