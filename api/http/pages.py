"""What addresses name: single things by their ids, and pages of lists with their envelopes (docs/wire.md, "Lists")."""

from functools import partial
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, Field
from starlette.datastructures import URL

from api.schemas.fields import MAX_INT
from runtime.core.ids import parse_id

T = TypeVar("T")

SessionId = Annotated[
    str,
    AfterValidator(partial(parse_id, "session")),
    Path(json_schema_extra={"pattern": "^session_[0-9a-f]{32}$"}),
]
WorkspaceId = Annotated[
    str, AfterValidator(partial(parse_id, "wsp")), Path(json_schema_extra={"pattern": "^wsp_[0-9a-f]{32}$"})
]
ImageId = Annotated[
    str, AfterValidator(partial(parse_id, "img")), Path(json_schema_extra={"pattern": "^img_[0-9a-f]{32}$"})
]
Search = Annotated[str, Query(max_length=1000, description="A substring to look for, in any case")]
Offset = Annotated[int, Query(ge=0, le=MAX_INT)]
Limit = Annotated[int, Query(ge=1, le=100)]
NextUrl = Annotated[str | None, Field(description="Where the list goes on, if it does")]
Archived = Annotated[bool, Query(description="Whether to list archived ones too")]


class Page(BaseModel, Generic[T]):
    """A part of a list. `total` counts all of it; where `is_total_exact` is false, there are so many at least."""

    data: list[T]
    total: int
    is_total_exact: bool = True
    offset: int = 0
    limit: int


def following(url: URL, **cursor: Any) -> str:
    """Return the address of what follows a page: its own, with another cursor."""
    further = url.remove_query_params("offset").include_query_params(**cursor)
    return f"{further.path}?{further.query}"


def whole(items: list[T]) -> Page[T]:
    """Return a list that is not paged in the same envelope."""
    return Page(data=items, total=len(items), limit=len(items))
