"""The gates on the environment and the tree as they are: pip-audit asks a service that runs here."""

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name
from packaging.version import Version

from supplychain import npm_advisories
from supplychain.advisories import CANARY, NOT_AUDITED
from supplychain.leaks import files
from supplychain.project import EVERYTHING, PRODUCT, Pin, pins
from supplychain.sbom import product

ROOT = Path(__file__).parents[3]


class Service(ThreadingHTTPServer):
    """An advisory service in the form of OSV. `known` are the packages for which it has an advisory."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.known: dict[str, str] = {}
        self.asked: set[str] = set()

    @property
    def options(self) -> list[str]:
        """What to tell pip-audit."""
        return ["--vulnerability-service", "osv", "--osv-url", f"http://127.0.0.1:{self.server_port}/v1/query"]


class Answer(BaseHTTPRequestHandler):
    """Answers one question: what is known of a package in a version."""

    server: Service

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = question["package"]["name"]
        self.server.asked.add(name)
        body = json.dumps(advisory(name, self.server.known[name]) if name in self.server.known else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


def advisory(name: str, fixed_in: str) -> dict[str, Any]:
    package = {"name": name, "ecosystem": "PyPI"}
    events = [{"introduced": "0"}, {"fixed": fixed_in}]
    affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
    return {"vulns": [{"id": f"PYSEC-0-{name}", "details": "A hole.", "aliases": [], "affected": affected}]}


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        running.known[CANARY.name] = "6.2.2"
        yield running
        running.shutdown()


def run(gate: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", f"supplychain.{gate}", *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  ours


def test_an_audit_asks_about_every_pin(service: Service) -> None:
    done = run("advisories", *service.options)
    assert (done.returncode, done.stderr) == (0, "")
    assert service.asked == {pin.name for pin in pins(EVERYTHING)} | {CANARY.name}


def test_a_pin_with_a_known_vulnerability_fails_the_audit(service: Service) -> None:
    service.known["aiohttp"] = "99.0"
    done = run("advisories", "--if-possible", *service.options)
    assert done.returncode == 1
    assert "aiohttp: PYSEC-0-aiohttp; fixed in 99.0." in done.stderr


def test_a_service_that_knows_no_advisories_is_no_audit(service: Service) -> None:
    service.known.clear()
    done = run("advisories", *service.options)
    assert done.returncode == NOT_AUDITED
    assert done.stderr.startswith(f"NOT AUDITED: the advisory service knows none for {CANARY.name}")
    assert service.asked == {CANARY.name}


@pytest.mark.parametrize(("option", "code"), [([], NOT_AUDITED), (["--if-possible"], 0)])
def test_an_audit_that_nobody_answers_says_so_in_one_line(service: Service, option: list[str], code: int) -> None:
    service.shutdown()
    service.server_close()
    done = run("advisories", *option, *service.options)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("NOT AUDITED: ")
    assert done.stderr.count("\n") == 1


def beginning_of(bill: dict[str, Any]) -> dict[str, Any]:
    """A bill of a few packages, all that can be validated in less than twenty seconds."""
    few = bill["components"][:8]
    return product(bill, [Pin(canonicalize_name(part["name"]), Version(part["version"])) for part in few])


def test_the_bill_of_materials_is_valid_and_holds_what_the_product_needs_here(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    assert run("sbom", str(file)).returncode == 0
    bill = json.loads(file.read_text())
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(beginning_of(bill))) is None
    purls = {part["purl"] for part in bill["components"]}
    assert purls == {f"pkg:pypi/{pin.name}@{pin.version}" for pin in pins(PRODUCT) if pin.is_for_here}
    assert bill["metadata"]["component"]["name"] == "perdure"


def test_a_package_under_another_licence_fails_the_gate(tmp_path: Path) -> None:
    """Promised: of Python's packages, and of those in the console's bundle."""
    file, bundle = tmp_path / "sbom.json", tmp_path / "licences.md"
    run("sbom", str(file))
    said = (ROOT / "api" / "console" / "dist" / "licences.md").read_text()
    bundle.write_text(said)
    assert run("licences", str(file), str(bundle)).returncode == 0
    bundle.write_text(f"{said}\n## viral - 1.0.0 (AGPL-3.0-only)\n")
    done = run("licences", str(file), str(bundle))
    assert (done.returncode, "viral 1.0.0 is under 'AGPL-3.0-only', which is not allowed" in done.stderr) == (1, True)
    bundle.write_text(said)
    bill = json.loads(file.read_text())
    bill["components"][0]["licenses"] = [{"license": {"id": "AGPL-3.0-only"}}]
    file.write_text(json.dumps(bill))
    done = run("licences", str(file), str(bundle))
    assert (done.returncode, "'AGPL-3.0-only', which is not allowed" in done.stderr) == (1, True)


class Registry(BaseHTTPRequestHandler):
    """A registry of npm's that knows advisories, as far as its audit asks."""

    known: ClassVar[dict[str, list[dict[str, Any]]]] = {}

    def do_POST(self) -> None:
        asked = json.loads(gzip.decompress(self.rfile.read(int(self.headers["content-length"]))))
        self._answer(200, {name: self.known[name] for name in asked if name in self.known})

    def do_GET(self) -> None:
        self._answer(404, {})

    def _answer(self, status: int, body: object) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


@pytest.fixture
def registry() -> Iterator[str]:
    """The options that lead npm's audit to a registry of this test's own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        Registry.known = {}
        yield f"--registry=http://127.0.0.1:{running.server_port}"
        running.shutdown()


def hole(package: str) -> dict[str, Any]:
    url = f"https://github.com/advisories/GHSA-{package}"
    return {"id": 1, "url": url, "title": "A hole.", "severity": "high", "vulnerable_versions": "<99.0.0"}


def test_a_package_of_the_console_with_a_known_vulnerability_fails_the_audit(registry: str) -> None:
    Registry.known = {npm_advisories.CANARY[0]: [hole(npm_advisories.CANARY[0])]}
    done = run("npm_advisories", registry)
    assert (done.returncode, done.stderr) == (0, "")
    Registry.known["react"] = [hole("react")]
    done = run("npm_advisories", registry)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "react: GHSA-react; fixed in 99.0.0.")


@pytest.mark.parametrize(("option", "code"), [([], NOT_AUDITED), (["--if-possible"], 0)])
def test_a_registry_without_advisories_is_no_audit_of_the_console(registry: str, option: list[str], code: int) -> None:
    done = run("npm_advisories", *option, registry)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(
        f"NOT AUDITED, the console: the registry knows no advisory for {npm_advisories.CANARY[0]}"
    )


def test_keys_are_looked_for_in_what_git_has_or_would_add(tmp_path: Path) -> None:
    subprocess.run(("git", "init", "--quiet"), cwd=tmp_path, check=True)  # noqa: S607  whichever git
    (tmp_path / ".gitignore").write_text("ignored\n")
    for name in ("tracked", "new", "ignored", "gone"):
        (tmp_path / name).write_text(name)
    subprocess.run(("git", "add", "tracked", "gone"), cwd=tmp_path, check=True)  # noqa: S607  whichever git
    (tmp_path / "gone").unlink()
    assert [file.name for file in files(tmp_path)] == [".gitignore", "new", "tracked"]


def test_no_file_of_ours_holds_a_key() -> None:
    assert run("leaks").returncode == 0
