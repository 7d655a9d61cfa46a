"""What Ray is told of a deployment holds no secret that can be read."""

import pickle

import pytest

from actors.site import Site
from runtime.process.settings import Settings
from tests.tenancy import RING

DSN = "postgresql://ada:canary-password@db/perdure"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t" * 64)
    monkeypatch.setenv("OPENAI_API_KEY", "canary-of-a-vendor")
    monkeypatch.setenv("STRANGER_API_KEY", "canary-of-a-stranger")
    return Site("deployment", Settings.load(auth_jwt_secret="canary" * 8), DSN, "cluster", RING)


def test_what_travels_is_sealed_and_whole(site: Site) -> None:
    sent = pickle.dumps(site)
    for hidden in (b"canary", RING.current.material):
        assert hidden not in sent
    received = pickle.loads(sent)  # noqa: S301  our own bytes
    assert (received.dsn, received.keys, received.deployment) == (DSN, RING, "deployment")
    assert received.settings.environment == {"OPENAI_API_KEY": "canary-of-a-vendor"}
    assert received.settings.auth_jwt_secret is None


def test_processes_that_run_tools_are_told_no_key(site: Site) -> None:
    assert pickle.loads(pickle.dumps(site.for_tools())).keys is None  # noqa: S301  our own bytes


def test_a_site_shows_nothing_of_itself(site: Site) -> None:
    assert f"{site} {site!r}" == "Site(deployment) Site(deployment)"
