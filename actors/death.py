"""How one learns that an actor has died: by a call that it never answers."""

import asyncio
from typing import Any, Final

from ray.exceptions import ActorUnavailableError, RayError

PAUSE_S: Final = 0.5  # before an actor is asked again that cannot be reached


async def death_of(actor: Any) -> str:
    """Return once a session actor is no more, with the reason; its node's loss is told so too, if later.

    An actor that cannot be reached is not known to be dead: the network may be, and then it goes on.
    """
    while True:
        try:
            await actor.alive.remote()
        except ActorUnavailableError:
            await asyncio.sleep(PAUSE_S)
        except RayError as err:
            return type(err).__name__
        else:
            return "it stopped"
