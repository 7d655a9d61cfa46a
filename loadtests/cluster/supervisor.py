"""The real supervisor in a process of its own, and a gauge beside it that tells how its event loop fares.

python -m loadtests.cluster.supervisor PLAN
"""

import asyncio
import sys
from typing import Final

from actors.site import Site
from actors.supervisor import SupervisorActor
from loadtests.cluster.gauge import GAUGE_SOCKET, Gauge
from loadtests.cluster.line import listen
from loadtests.cluster.plan import Plan
from loadtests.cluster.played_ray import SUPERVISOR_SOCKET, PlayedRay
from loadtests.cluster.process import play
from runtime.process.settings import Settings

DEPLOYMENT: Final = "played"


async def main(plan: Plan) -> None:
    """Supervise."""
    settings = Settings.load(actors={"max_actors": plan.scale.actors})
    site = Site(DEPLOYMENT, settings, plan.dsn, "a played cluster")
    PlayedRay(plan, namespace=site.namespace, job_id=DEPLOYMENT).install()
    gauge = Gauge()
    calls = await listen(plan.socket(SUPERVISOR_SOCKET), SupervisorActor(site))
    looks = await listen(plan.socket(GAUGE_SOCKET), gauge)
    await asyncio.gather(calls.serve_forever(), looks.serve_forever(), gauge.tick())


if __name__ == "__main__":
    play(main(Plan.read(sys.argv[1])))
