"""What is installed elsewhere: the wheel, and a capability that knows of it what its author may know."""

import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("runtime", "actors", "api", "pyproject.toml", "README.md", "LICENSE")
PIP_WHEEL = ("-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", "wheel", "--no-deps")
MYPY = ("-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context")


def run(program: Path | str, *arguments: str, cwd: Path) -> str:
    """Return what a program says, whether or not it is content."""
    done = subprocess.run([program, *arguments], cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603  ours
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel in it, beside the packages that it needs."""
    home = tmp_path_factory.mktemp("elsewhere")
    tree = home / "tree"  # building leaves things beside the sources
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy(ROOT / name, tree / name)
    assert run(sys.executable, *PIP_WHEEL, "--no-build-isolation", "-w", str(home), ".", cwd=tree) == ""
    venv.create(home / "venv")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home / "venv")}))
    (built,) = home.glob("perdure-*.whl")
    ZipFile(built).extractall(packages)
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    return home


@pytest.fixture(scope="module")
def packages(elsewhere: Path) -> Path:
    (wheel,) = elsewhere.glob("venv/lib/*/site-packages")
    return wheel


def test_it_holds_perdure_under_that_name_only(packages: Path) -> None:
    assert {"__init__.py", "py.typed"} == {entry.name for entry in (packages / "perdure").iterdir() if entry.is_file()}
    assert not (packages / "runtime" / "plugin").exists()


def test_it_holds_every_migration(packages: Path) -> None:
    held, there = (folder / "runtime" / "store" / "migrations" for folder in (packages, ROOT))
    assert {file.name for file in held.glob("*.sql")} == {file.name for file in there.glob("*.sql")}


def test_it_holds_the_console_as_it_was_built_and_not_what_it_was_built_of(packages: Path) -> None:
    held, built = (folder / "api" / "console" for folder in (packages, ROOT))
    assert {path.relative_to(held) for path in held.rglob("*") if path.is_file()} == {
        path.relative_to(built) for path in (built / "dist").rglob("*") if path.is_file()
    }
    assert (held / "dist" / "index.html").is_file()


def test_a_capability_imports_and_type_checks_there(elsewhere: Path) -> None:
    """Promised: types for authors, strictly. Those who misuse them are told, so they are not just Any."""
    readme = (ROOT / "README.md").read_text()
    program = next(block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "Capability" in block)
    (elsewhere / "dice.py").write_text(program)
    (elsewhere / "wrong.py").write_text(program.replace("OnInterrupt.RETRY", '"retry"'))
    python = elsewhere / "venv" / "bin" / "python"
    mypy = (*MYPY, "--python-executable", str(python))

    assert run(python, "-c", "import dice, perdure; print(perdure.__file__)", cwd=elsewhere).startswith(str(elsewhere))
    assert run(sys.executable, *mypy, "dice.py", cwd=elsewhere) == ""
    assert 'incompatible type "str"; expected "OnInterrupt"' in run(sys.executable, *mypy, "wrong.py", cwd=elsewhere)
