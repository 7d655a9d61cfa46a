"""How one learns that an actor has died: by a call that it never answers."""

from typing import Any

from ray.exceptions import RayError


async def death_of(actor: Any) -> str:
    """Return once a session actor is no more, with the reason; its node's loss is told so too, if later."""
    try:
        await actor.alive.remote()
    except RayError as err:
        return type(err).__name__
    return "it stopped"
