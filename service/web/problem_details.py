"""Errors as RFC 9457 documents."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount
from starlette.types import Receive, Scope, Send

from service.errors import (
    BodyTooSlow,
    FieldError,
    InputError,
    NotFound,
    ServiceError,
    Unauthorized,
    UnsupportedEncoding,
    Where,
)
from service.operations.refusals import document, document_of
from service.schemas.base import MAX_REPORTED
from service.schemas.error_kinds import BY_CODE, ERROR_KINDS
from service.schemas.parsing import MAX_NAME, message_of
from service.schemas.problem_details import ProblemDetails
from service.web.addresses import address

MEDIA_TYPE: Final = "application/problem+json"
CODE: Final = "problem_code"
"""Of the state of a request that was refused."""
CODE_OF_STATUS: Final[Mapping[int, str]] = {404: NotFound.code, 405: "method-not-allowed"}
HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    **{row.code: {"Retry-After": str(row.retry_after_s)} for row in ERROR_KINDS if row.retry_after_s is not None},
    Unauthorized.code: {"WWW-Authenticate": "Bearer"},
}


class ProblemResponse(Response):
    """A response that notes its error code on the request, for the metrics of refusals."""

    def __init__(self, *arguments: Any, code: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        scope.setdefault("state", {})[CODE] = self._code
        await super().__call__(scope, receive, send)


def response(code: str, detail: str, status: int | None = None) -> Response:
    """The response of one kind of error."""
    return _sent(document(code, detail, status), code)


def _sent(details: ProblemDetails, code: str) -> Response:
    content = placed(details).model_dump_json(exclude_unset=True)
    return ProblemResponse(content, details.status, HEADERS.get(code), media_type=MEDIA_TYPE, code=code)


def placed(details: ProblemDetails) -> ProblemDetails:
    """The document with the address of its kind as the caller of the current request must ask for it."""
    return details.model_copy(update={"type": address(details.type)})


def of_service_error(error: ServiceError) -> Response:
    """The response to a deliberate error."""
    answer = _sent(document_of(error), error.code)
    if isinstance(error, UnsupportedEncoding):
        answer.headers["Accept-Encoding"] = "identity"
    if isinstance(error, BodyTooSlow):
        answer.headers["Connection"] = "close"
    return answer


async def on_service_error(_request: Request, error: Exception) -> Response:
    """Handler of deliberate errors."""
    assert isinstance(error, ServiceError)  # noqa: S101 - registered for this class only
    return of_service_error(error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Handler of what routing refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    code = CODE_OF_STATUS.get(error.status_code, "http-error")
    answer = response(code, BY_CODE[code].meaning, status=error.status_code)
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return answer


async def on_parameter_error(_request: Request, error: Exception) -> Response:
    """Handler of a parameter or a header that the framework refused."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    return of_service_error(InputError([_refused(item) for item in error.errors()[:MAX_REPORTED]]))


def _refused(item: Mapping[str, Any]) -> FieldError:
    """What the framework found: it says first in which part of the request the name that follows stands."""
    part, *location = item["loc"]
    where: Where = "header" if part == "header" else "parameter"
    named = tuple(str(step)[:MAX_NAME] if isinstance(step, str) else step for step in location)
    return FieldError(named, message_of(item["type"], item.get("ctx", {})), where)


@contextmanager
def blamed_on_parameter(name: str) -> Iterator[None]:
    """What is wrong with the fields that a parameter carries is wrong with the parameter."""
    try:
        yield
    except InputError as error:
        error.fields = tuple(FieldError((name, *each.location), each.detail, "parameter") for each in error.fields)
        raise


def _methods(request: Request) -> set[str]:
    """Methods of every route at a path: the framework names those of the first one only, and none of a folder's."""
    # a folder has moved the root that paths are read from
    scope = {**request.scope, "root_path": request.scope.get("app_root_path", request.scope.get("root_path", ""))}
    within = [route for router in request.app.state.routers for route in router.routes]
    folders = [route for route in request.app.routes if isinstance(route, Mount)]
    found = [route for route in (*within, *folders) if route.matches(scope)[0] is not Match.NONE]
    methods = {method for route in found for method in getattr(route, "methods", None) or {"GET"}}
    return methods | {"HEAD"} if "GET" in methods else methods
