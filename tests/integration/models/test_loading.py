"""What is loaded when: pydantic-ai takes seconds and sixty megabytes, and no call to a vendor needs it."""

import subprocess
import sys

CODE = """
import sys
from runtime.models.catalogue import Catalogue
from runtime.models.router import Models
from runtime.process.settings import ModelSettings

never = {"pydantic_ai", "openai", "anthropic", "google.genai"}
heavy = {"genai_prices", "aiohttp", *never}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
Models(ModelSettings(), {"ANTHROPIC_API_KEY": "k"}).preload()
assert {"genai_prices", "aiohttp"} <= set(sys.modules)
assert not never & set(sys.modules), never & set(sys.modules)
"""


def test_vendors_are_loaded_by_preload_and_not_by_import() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=False, capture_output=True, text=True)  # noqa: S603 - ours

    assert done.returncode == 0, done.stderr


DEFAULT = """
import sys
from datetime import UTC, datetime
from runtime.models.catalogue import Catalogue
from runtime.process.settings import Settings

named = Settings.load().with_default_model("anthropic:claude-sonnet-5-5")
assert Catalogue(named.model, named.environment, datetime.now(UTC)).default().name == "claude-sonnet-5-5"
assert "pydantic_ai" not in sys.modules
"""


def test_a_default_that_says_all_is_found_without_a_list() -> None:
    done = subprocess.run([sys.executable, "-c", DEFAULT], check=False, capture_output=True, text=True)  # noqa: S603 - ours

    assert done.returncode == 0, done.stderr
