"""The kinds of user. Locust starts as many of each as its weight says (`locust … Chatter Watcher` picks some)."""

import random
import uuid
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from typing import Any, Final

import gevent
from locust import FastHttpUser, task
from locust.contrib.fasthttp import FastResponse
from locust.env import Environment

from loadtests.listener import Listener, retry_after_s
from loadtests.meter import OVERLOADED, Meter
from loadtests.scripts import CLIENT_TOOL, TOOL_CAPABILITIES, errand, question
from loadtests.sse import Event, faults
from loadtests.talk import RefusedError, Talk

TITLE: Final = "Load test"
MAX_RETRY_S: Final = 10.0
WATCHERS_PER_SESSION: Final = 6  # of the twelve streams that a session may have
PICK_FROM: Final = 100
DROP_AFTER_S: Final = 1.5  # at most
HTTP_ERROR: Final = 400
TURNS_PER_SESSION: Final = 10


def add_options(parser: ArgumentParser) -> None:
    """Let the operator say what users do."""
    parser.add_argument(
        "--model-script",
        action=BooleanOptionalAction,
        default=True,
        help="script the simulated model in messages; off for real models, which then get plain text",
    )
    parser.add_argument("--model", default="", metavar="ID", help="model of the sessions (default: the simulated one)")
    parser.add_argument("--harness", default="base", metavar="NAME", help="harness of the sessions")
    parser.add_argument("--think-s", type=float, default=1.0, metavar="S", help="time between two turns, on average")
    parser.add_argument("--turn-timeout-s", type=float, default=60.0, metavar="S", help="a turn must end within this")
    parser.add_argument("--streams", type=int, default=5, metavar="N", help="streams that each watcher holds")
    about = "sent as Authorization; better in PERDURE_LOAD_API_KEY, where nobody sees it"
    parser.add_argument("--api-key", default="", env_var="PERDURE_LOAD_API_KEY", include_in_web_ui=False, help=about)


class Visitor(FastHttpUser):
    """What all kinds have in common: requests, sessions, and manners when the server is overloaded."""

    abstract = True
    connection_timeout = 20.0

    def __init__(self, environment: Environment) -> None:
        self.options = environment.parsed_options or Namespace()
        key = self.options.api_key
        self.headers = {"Authorization": key} if key else {}
        self.default_headers = self.headers
        super().__init__(environment)
        self.meter = Meter(environment.events.request.fire)
        self.made: dict[str, str] = {}  # paths of what is to be deleted in the end, and their rows in the table

    def wait_time(self) -> float:
        """Return the seconds to think, half to one and a half of what was asked for."""
        return float(self.options.think_s) * random.uniform(0.5, 1.5)  # noqa: S311  not a secret

    def on_stop(self) -> None:
        """Leave nothing behind."""
        for path, name in self.made.items():
            self._send("DELETE", path, name)

    def call(self, method: str, path: str, name: str, body: Any = None) -> Any:
        """Send a request and return the reply's JSON, None if it has none. Raises RefusedError."""
        response = self._send(method, path, name, body)
        status = response.status_code
        if 0 < status < HTTP_ERROR:
            return response.json() if response.content else None
        is_overload = status in OVERLOADED
        if is_overload:
            gevent.sleep(min(MAX_RETRY_S, retry_after_s(response.headers and response.headers.get("retry-after"))))
        raise RefusedError(is_overload=is_overload)

    def make(self, path: str, body: Any) -> str:
        """Create something of this user's own, and return its path."""
        made = f"{path}/{self.call('POST', path, path, body)['id']}"
        self.made[made] = f"{path}/[id]"
        return made

    def delete(self, path: str) -> None:
        """Delete something of this user's own."""
        self.call("DELETE", path, self.made[path])
        del self.made[path]

    def open_session(self, **fields: Any) -> str:
        """Open a session, and return its path."""
        model = self.options.model or ("llmsim:sim-echo" if self.options.model_script else "")
        body = {"title": TITLE, "harness_name": self.options.harness, **fields}
        return self.make("/sessions", body | ({"model_id": model} if model else {}))

    def _send(self, method: str, path: str, name: str, body: Any = None) -> FastResponse:
        response = self.client.request(method, f"/api/v1{path}", name=name, json=body)
        if response.status_code in OVERLOADED:
            self.meter.overload(response.status_code)
        return response


class Talker(Visitor):
    """Whoever talks: in one session for some turns, then in a new one."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.talk: Talk | None = None
        self.turns = 0

    def on_stop(self) -> None:
        """Hang up and leave nothing behind."""
        if self.talk is not None:
            self.talk.close()
        super().on_stop()

    @task
    def take_a_turn(self) -> None:
        """Say something and follow the turn to its end."""
        talk = self._talk()
        talk.turn(self.text(), self.options.turn_timeout_s)
        self.turns += 1

    def text(self) -> str:
        """Return what to say."""
        return question(scripted=self.options.model_script)

    def session_fields(self) -> dict[str, Any]:
        """Return what the session needs beyond the ordinary."""
        return {}

    def _talk(self) -> Talk:
        if self.talk is not None and (self.talk.is_lost or self.turns >= TURNS_PER_SESSION):
            old, self.talk = self.talk, None
            old.close()
            self.delete(old.path)
        if self.talk is None:
            path = self.open_session(**self.session_fields())
            self.talk = Talk(self.call, path, self.meter, self.host or "", self.headers)
            self.turns = 0
            self.talk.is_lost = not self.talk.open(self.options.turn_timeout_s)
        if self.talk.is_lost:
            raise RefusedError(is_overload=False)
        return self.talk


class Chatter(Talker):
    """Somebody in front of a chat window."""

    weight = 6


class ToolUser(Talker):
    """Somebody whose agent works with tools, one of which runs on the client's side."""

    weight = 2

    def text(self) -> str:
        """Return something to do."""
        return errand(scripted=self.options.model_script)

    def session_fields(self) -> dict[str, Any]:
        """Give the session tools."""
        return {"tools": [CLIENT_TOOL], "capabilities": [{"ref": ref} for ref in TOOL_CAPABILITIES]}


class Reconnecter(Talker):
    """Somebody on a train: the stream breaks off at any moment, and nothing may be missing or come twice."""

    weight = 2

    def text(self) -> str:
        """Return something whose answer takes a while."""
        return question(scripted=self.options.model_script, slow=True)

    @task
    def take_a_turn(self) -> None:
        """Say something, and lose the line again and again until the turn has ended."""
        talk = self._talk()
        breaking = gevent.spawn(self._break, talk.listener)
        try:
            talk.turn(self.text(), self.options.turn_timeout_s)
        finally:
            breaking.kill()
        self.turns += 1
        self._check_log(talk.path)

    def _break(self, listener: Listener) -> None:
        while True:
            gevent.sleep(random.uniform(0, DROP_AFTER_S))  # noqa: S311  not a secret
            listener.drop()

    def _check_log(self, path: str) -> None:
        """See that the log itself is dense."""
        page = self.call("GET", f"{path}/events?after_sequence=0", "/sessions/[id]/events")
        for fault in faults((event["sequence"] for event in page["data"]), last=0):
            self.meter.fault(fault)


class Watcher(Visitor):
    """A wall of screens: many streams of sessions in which others talk."""

    weight = 1
    watched: dict[str, int] = {}  # noqa: RUF012  by all watchers of this process together, so that they spread

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.screens: dict[str, Listener] = {}

    def on_stop(self) -> None:
        """Switch all screens off."""
        for session_id in tuple(self.screens):
            self._turn_off(session_id)

    @task
    def look(self) -> None:
        """Replace what is over by what goes on; now and then look at something else."""
        for session_id in [key for key, screen in self.screens.items() if screen.gone]:
            self._turn_off(session_id)
        if len(self.screens) >= self.options.streams:
            self._turn_off(random.choice(tuple(self.screens)))  # noqa: S311  not a secret
        page = self.call("GET", f"/sessions?search={TITLE.replace(' ', '+')}&limit={PICK_FROM}", "/sessions")
        free = [key for key in (session["id"] for session in page["data"]) if self._is_free(key)]
        wanted = min(len(free), self.options.streams - len(self.screens))
        for session_id in random.sample(free, wanted):
            self._turn_on(session_id)

    def _is_free(self, session_id: str) -> bool:
        return session_id not in self.screens and self.watched.get(session_id, 0) < WATCHERS_PER_SESSION

    def _turn_on(self, session_id: str) -> None:
        screen = Listener(self.host or "", f"/sessions/{session_id}", self.meter, _see, self.headers, is_own=False)
        self.screens[session_id] = screen
        self.watched[session_id] = self.watched.get(session_id, 0) + 1
        screen.start()

    def _turn_off(self, session_id: str) -> None:
        self.screens.pop(session_id).close()
        self.watched[session_id] -= 1
        if not self.watched[session_id]:
            del self.watched[session_id]


class ApiManager(Visitor):
    """A program that administers: agents, sessions, files, events, capabilities."""

    weight = 2

    @task
    def manage_an_agent(self) -> None:
        """Create, read, list, change and delete an agent."""
        name = f"load-{uuid.uuid4().hex[:12]}"
        body = {"name": name, "system_prompt": "You are brief.", "tags": ["load"]}
        path = self.make("/agents", body)
        self.call("GET", path, "/agents/[id]")
        self.call("GET", f"/agents?search={name}", "/agents")
        self.call("PATCH", path, "/agents/[id]", {"description": "Made by a load test."})
        self.delete(path)

    @task
    def manage_a_session(self) -> None:
        """Open a session, look at it, rename it, keep a file in it, and delete it."""
        path, name = self.open_session(), "/sessions/[id]"
        self.call("GET", path, name)
        self.call("PATCH", path, name, {"tags": ["load"]})
        self.call("POST", f"{path}/fs/notes.md", f"{name}/fs/[path]", {"content": "One.\n"})
        self.call("PUT", f"{path}/fs/notes.md", f"{name}/fs/[path]", {"content": "One.\nTwo.\n"})
        self.call("GET", f"{path}/fs/notes.md", f"{name}/fs/[path]")
        self.call("DELETE", f"{path}/fs/notes.md", f"{name}/fs/[path]")
        self.call("GET", f"{path}/events?limit=50", f"{name}/events")
        self.delete(path)

    @task
    def browse(self) -> None:
        """Read the lists that a console shows."""
        for path in ("/sessions", "/agents", "/capabilities", "/models", "/harnesses"):
            self.call("GET", path, path)


def _see(_event: Event, _at: float) -> None:
    """Watch without a word: the listener has checked the sequence already."""
