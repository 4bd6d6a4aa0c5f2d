"""Answers as bytes: each model is written by its own serialiser, once."""

from starlette.responses import Response

from service.schemas.base import Wire


def json_response(answer: Wire) -> Response:
    """The answer as JSON; fields that do not apply are left out."""
    return Response(answer.__pydantic_serializer__.to_json(answer, exclude_unset=True), media_type="application/json")
