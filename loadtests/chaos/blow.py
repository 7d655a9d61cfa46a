"""What a fault did."""

from dataclasses import dataclass, field

from loadtests.chaos.checker import Finding
from loadtests.chaos.plan import Kind


@dataclass
class Blow:
    """One fault that was carried out.

    `victims` are the sessions with a running turn that it hit, with the epoch they had; `ready_at` is when what was
    struck was up again, where starting it is somebody else's task; `door` is the address whose clients it hit;
    `probe_s` is how long a new session took to answer after it; `findings` is what was broken then and there.
    """

    kind: Kind
    at: float
    detail: str
    kills: int = 0
    victims: dict[str, int] = field(default_factory=dict)
    ready_at: float | None = None
    door: int | None = None
    probe_s: float | None = None
    findings: list[Finding] = field(default_factory=list)
