"""The licence gate: what the product is installed with must be under licences that pyproject.toml allows.

    python -m supplychain.licences build/sbom.json api/console/dist/licences.md

It reads the bill of materials, so what is judged is what is published, and what the build of the console says is in
its bundle. A package may name its licence by an SPDX expression, which is taken at its word, or by several entries, of
which each must be allowed: nobody says whether they mean "and" or "or". What lies inside a wheel beside its own code is
not seen.
"""

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from license_expression import ExpressionError, Licensing
from packaging.utils import canonicalize_name

from supplychain.bundle import NoBundleError, parts
from supplychain.project import table
from supplychain.sbom import Bill

_SPDX: Final = Licensing()
_FILE: Final = "declared license file"  # as cyclonedx-py names the text of a file, which states nothing by itself


@dataclass(frozen=True, slots=True)
class Exemption:
    """One licence more, which one package may have, and why."""

    licence: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rules:
    """`allowed` are SPDX identifiers. `spelled` says which expression is meant by a text that is none."""

    allowed: frozenset[str]
    spelled: Mapping[str, str]
    exempt: Mapping[str, Exemption]

    @classmethod
    def load(cls) -> Self:
        """Return what stands in pyproject.toml."""
        ours = table("licences")
        exempt = {name: Exemption(**exemption) for name, exemption in ours["exempt"].items()}
        return cls(frozenset(ours["allowed"]), ours["spelled"], exempt)

    def permit(self, text: str, more: Collection[str] = ()) -> bool:
        """Tell whether one may use what is under this licence; `more` are allowed too."""
        try:
            expression = _SPDX.parse(self.spelled.get(text, text))
        except ExpressionError:
            return False
        if expression is None:
            return False
        allowed = self.allowed.union(more)
        verdicts = {term: _SPDX.TRUE if str(term) in allowed else _SPDX.FALSE for term in expression.symbols}
        return bool(expression.subs(verdicts, simplify=True) == _SPDX.TRUE)


def complaints(bill: Bill, rules: Rules) -> Iterator[str]:
    """Yield what is wrong with a bill of materials, or with the exemptions, one sentence each."""
    used = set()
    for part in bill["components"]:
        name, statements = canonicalize_name(part["name"]), [*_statements(part)]
        refused = [text for text in statements if not rules.permit(text)]
        if refused and (exemption := rules.exempt.get(name)):
            used.add(name)
            refused = [text for text in refused if not rules.permit(text, [exemption.licence])]
        if refused:
            yield f"{name} {part['version']} is under {', '.join(map(repr, refused))}, which is not allowed."
        if not statements:
            yield f"{name} {part['version']} does not say what its licence is."
    for idle in sorted(rules.exempt.keys() - used):
        yield f"{idle} needs no exemption (any more)."


def main() -> None:
    """Judge the bill and the bundle that the command line names; the exit code is 1 if something is wrong."""
    bill: Bill = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        bundled = parts(Path(sys.argv[2]))
    except NoBundleError as err:
        sys.exit(f"The console was not judged: {err}")
    found = [*complaints({**bill, "components": [*bill["components"], *bundled]}, Rules.load())]
    if found:
        sys.exit("\n".join([*found, "See [tool.perdure.licences] in pyproject.toml."]))
    count = f"{len(bill['components'])} packages, and {len(bundled)} in the console"
    sys.stdout.write(f"{count}, all under licences that are allowed\n")


def _statements(part: Mapping[str, Any]) -> Iterator[str]:
    for entry in part.get("licenses", ()):
        licence = entry.get("license", {})
        name = str(licence.get("name", ""))
        if not name.startswith(_FILE):
            said = str(licence.get("text", {}).get("content", "")).partition("\n")[0]  # what stands where a name should
            yield entry.get("expression") or licence.get("id") or said or name


if __name__ == "__main__":
    main()
