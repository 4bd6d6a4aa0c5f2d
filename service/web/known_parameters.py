"""Routes that refuse parameters of the query that they do not know, and name those that may have been meant."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from service.errors import FieldError, InputError
from service.schemas.base import MAX_REPORTED
from service.schemas.parsing import MAX_NAME
from service.schemas.suggestions import of_unknown

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """A route whose every parameter is known: a misspelt one would be ignored without a word."""

    def get_route_handler(self) -> Handler:
        """The handler of the framework, after a look at the query, where there is one."""
        return checked(super().get_route_handler(), sorted(_names(self.dependant)))


def checked(handler: Handler, known: list[str]) -> Handler:
    """A handler that refuses other parameters than the known ones."""

    async def handle(request: Request) -> Response:
        if request.scope["query_string"]:
            _check(request.scope["query_string"], known)
        return await handler(request)

    return handle


def _check(query: bytes, known: list[str]) -> None:
    sent = dict.fromkeys(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    unknown = [name for name in sent if name not in known]
    if unknown:
        detail = "is not a known parameter"
        none = "" if known else ": this address takes none"
        raise InputError(
            [
                FieldError((name[:MAX_NAME],), f"{detail}{of_unknown(name, known)}{none}", "parameter")
                for name in unknown[:MAX_REPORTED]
            ]
        )


def _names(dependant: Dependant) -> set[str]:
    """Of all parameters of the query, those of a model among them."""
    found: set[str] = set()
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= {each.alias or name for name, each in kind.model_fields.items()}
        else:
            found.add(field.alias)
    for inner in dependant.dependencies:
        found |= _names(inner)
    return found
