"""What is loaded when: pydantic-ai takes seconds, so it must not slow down a start."""

import subprocess
import sys

CODE = """
import sys
from runtime.models.catalogue import Catalogue
from runtime.models.router import Models
from runtime.process.settings import ModelSettings

heavy = {"pydantic_ai", "genai_prices", "openai", "anthropic"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
Models(ModelSettings(), {"ANTHROPIC_API_KEY": "k"}).preload()
assert {"pydantic_ai", "genai_prices", "anthropic"} <= set(sys.modules)
"""


def test_vendors_are_loaded_by_preload_and_not_by_import() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=False, capture_output=True, text=True)  # noqa: S603 - ours

    assert done.returncode == 0, done.stderr
