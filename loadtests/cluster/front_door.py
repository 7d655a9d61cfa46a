"""A real server that has joined the played Ray, for what people read over HTTP.

python -m loadtests.cluster.front_door PLAN PORT
"""

import sys
from pathlib import Path
from typing import Final

from api.server import serve
from loadtests.cluster.plan import Plan
from loadtests.cluster.played_ray import PlayedRay
from loadtests.cluster.process import play
from runtime.process.settings import Settings

JOB_ID: Final = "http"
ADDRESS: Final = "ray://played:1"


async def main(plan: Plan, port: int) -> None:
    """Serve until the end."""
    settings = Settings.load(
        database_url=plan.dsn, ray_address=ADDRESS, data_dir=Path(plan.home) / "door", http={"port": port}
    )
    PlayedRay(plan, namespace="", job_id=JOB_ID).install()
    await serve(settings, print, lambda _: None)


if __name__ == "__main__":
    play(main(Plan.read(sys.argv[1]), int(sys.argv[2])))
