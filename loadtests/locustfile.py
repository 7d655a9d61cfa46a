"""Load on a deployment, over HTTP, as its users make it (`make load HOST=…`; see README.md).

Locust finds the user kinds and the shapes by their names in this module.
"""

import io
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any, Final, cast

import gevent
import locust
from locust import LoadTestShape
from locust.env import Environment
from locust.event import EventHook
from locust.runners import WorkerRunner
from rich.console import Console

from loadtests import levels, shapes, users
from loadtests.users import ApiManager, Chatter, Reconnecter, ToolUser, Watcher

__all__ = ["ApiManager", "Chatter", "Ramp", "Reconnecter", "Soak", "Spike", "ToolUser", "Watcher"]

STEADY: Final = "steady"


class Shaped(LoadTestShape):
    """A shape of `loadtests.shapes`, at the --users, --spawn-rate and --run-time that were asked for."""

    abstract = True
    use_common_options = True
    shape: shapes.Shape

    def tick(self) -> tuple[int, float] | None:
        """Return how many users there should be now, and how many may come a second; None at the end."""
        options = _options(self.runner.environment) if self.runner else Namespace()
        run_time_s = options.run_time or self.shape.default_s
        elapsed_s = time.perf_counter() - self.start_time
        if elapsed_s >= run_time_s:
            return None
        return self.shape.users_at(elapsed_s, run_time_s, options.num_users or 1), options.spawn_rate or 1


class Ramp(Shaped):
    """Ever more users."""

    shape = shapes.SHAPES["ramp"]


class Spike(Shaped):
    """Few users, suddenly many, few again."""

    shape = shapes.SHAPES["spike"]


class Soak(Shaped):
    """All users for a long time."""

    shape = shapes.SHAPES["soak"]


def add_options(parser: ArgumentParser, **_: Any) -> None:
    """Add this suite's options to locust's."""
    about = "; ".join(f"{name}: {shape.about}" for name, shape in shapes.SHAPES.items())
    choices = [STEADY, *shapes.SHAPES]
    parser.add_argument("--shape", choices=choices, default=STEADY, include_in_web_ui=False, help=about)
    users.add_options(parser)
    levels.add_options(parser)


def begin(environment: Environment, web_ui: Any = None, **_: Any) -> None:
    """Use the shape that was asked for, where locust would take the first that it finds; say who wants the report."""
    gevent.get_hub().loop.update_now()  # or a short run is over at once: its time would count from before all imports
    name = _options(environment).shape.capitalize()
    environment.shape_class = (environment.available_shape_classes or {}).get(name)
    if environment.shape_class is not None:
        environment.shape_class.runner = environment.runner
    if isinstance(environment.runner, WorkerRunner):
        return
    _on(environment.events.quitting, lambda **_: decide(environment))
    if web_ui is None:
        _on(environment.events.quit, lambda **_: report(environment, Console()))  # below locust's own tables
    else:
        _on(environment.events.test_stop, lambda **_: report(environment, Console()))
        web_ui.app.add_url_rule("/levels", "levels", lambda: _page(environment))


def decide(environment: Environment) -> None:
    """Let the exit code say whether the levels were kept."""
    entries = environment.stats.entries
    environment.process_exit_code = 0 if levels.passes(entries, levels.judge(entries, _options(environment))) else 1


def report(environment: Environment, console: Console) -> None:
    """Print the verdicts."""
    entries = environment.stats.entries
    verdicts = levels.judge(entries, _options(environment))
    levels.show(verdicts, console, is_passed=levels.passes(entries, verdicts))


def _page(environment: Environment) -> tuple[str, dict[str, str]]:
    """Return the verdicts so far, for the web UI."""
    text = io.StringIO()
    report(environment, Console(file=text, width=100))
    return text.getvalue(), {"Content-Type": "text/plain; charset=utf-8"}


def _options(environment: Environment) -> Namespace:
    options = environment.parsed_options
    return options if isinstance(options, Namespace) else Namespace()


def _on(hook: EventHook, listener: Callable[..., None]) -> None:
    cast(Callable[[Callable[..., None]], None], hook.add_listener)(listener)


_on(locust.events.init_command_line_parser, add_options)
_on(locust.events.init, begin)
