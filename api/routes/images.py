"""Pictures that people upload, to show them to models (docs/wire.md, "Images")."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response, UploadFile
from pydantic import AfterValidator

from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.pages import ImageId, Limit, Offset
from api.schemas.image import ImageReply
from runtime.core.ids import parse_id

# It is somebody's content: a browser must never take it for a page of this server.
_SAFE_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
_BYTES: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"image/*": {"schema": {"type": "string"}}}}}

router = APIRouter(prefix="/api/v1/images", tags=["images"], route_class=JsonRoute)

Session = Annotated[
    str | None,
    AfterValidator(lambda given: None if given is None else parse_id("session", given)),
    Query(description="The session with which it is forgotten; without one it stays until it is deleted"),
]


@router.post("", status_code=201)
async def upload_image(file: UploadFile, deps: Needs, response: Response, session_id: Session = None) -> ImageReply:
    """Keep a picture (PNG, JPEG, GIF, WebP), which messages name by its id."""
    if session_id is not None:
        await deps.find_session(session_id)
    image = await deps.stores.images.create(await file.read(), file.filename or "", session_id)
    response.headers["Location"] = f"/api/v1/images/{image.id}"
    return ImageReply.of(image)


@router.get("")
async def list_images(deps: Needs, offset: Offset = 0, limit: Limit = 100) -> list[ImageReply]:
    """List images, newest first, without their bytes."""
    return [ImageReply.of(image) for image in await deps.stores.images.list(offset=offset, limit=limit)]


@router.get("/{image_id}", response_class=Response, responses=_BYTES)
async def read_image(image_id: ImageId, deps: Needs) -> Response:
    """Return the bytes of an image."""
    image = await deps.stores.images.read(image_id)
    return Response(image.content, 200, _SAFE_HEADERS, image.content_type)


@router.delete("/{image_id}", status_code=204)
async def delete_image(image_id: ImageId, deps: Needs) -> None:
    """Forget an image. Models that are shown its messages read that it is not there."""
    await deps.stores.images.delete(image_id)
