"""Cursors of lists that grow at their beginning: the position of the last entry that was seen."""

import base64
import json
import math
from typing import Annotated, TypeAlias

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from service.errors import InputError
from service.jobs.identity import IDENTITY

Cursor: TypeAlias = Annotated[str | None, Query(description="From the field `next` or the header `Link` of a page.")]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=500, description="Entries of a page.")]


def cursor_of(created_at: float, identity: str) -> str:
    """The cursor after one entry."""
    return base64.urlsafe_b64encode(json.dumps([created_at, identity]).encode()).decode().rstrip("=")


def position_of(cursor: str | None) -> tuple[float, str] | None:
    """The position that a cursor stands for; `InputError` for anything else."""
    if cursor is None:
        return None
    position = _position(cursor)
    if position is None or cursor_of(*position) != cursor:
        raise InputError.at(("cursor",), "is not a cursor that this service gave", "parameter")
    return position


def _position(cursor: str) -> tuple[float, str] | None:
    """What a cursor holds; None unless it can be asked for."""
    try:
        created_at, identity = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        position = float(created_at), str(identity)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    return position if math.isfinite(position[0]) and IDENTITY.fullmatch(position[1]) else None


def link_next(request: Request, answer: Response, cursor: str | None) -> Response:
    """The answer with a header ``Link`` to the next page, if there is one."""
    if cursor is not None:
        url = request.url.include_query_params(cursor=cursor)
        answer.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return answer
