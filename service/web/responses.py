"""Answers as bytes: each model is written by its own serialiser, once."""

import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import Response

from service.operations.mapping.sweep import SweepTable
from service.schemas.base import Wire
from service.web.bodies import NPZ
from service.web.npz import write_npz


def json_response(answer: Wire) -> Response:
    """The answer as JSON; fields that do not apply are left out."""
    return Response(answer.__pydantic_serializer__.to_json(answer, exclude_unset=True), media_type="application/json")


def sweep_response(request: Request, table: SweepTable) -> Response:
    """A sweep as JSON, or as ``.npz`` where the caller accepts that; missing numbers are null or NaN."""
    header = table.header.model_dump(exclude_unset=True)
    if NPZ in request.headers.get("accept", ""):
        return Response(write_npz(table.columns, orjson.dumps(header)), media_type=NPZ)
    header["results"] = {name: np.ascontiguousarray(column) for name, column in table.columns.items()}
    return Response(orjson.dumps(header, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
