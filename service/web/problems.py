"""The one table from errors to statuses, and errors as RFC 9457 documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from service.errors import (
    BodyTooLarge,
    DatasetError,
    EngineError,
    FieldProblem,
    InputError,
    JobError,
    LimitExceeded,
    Location,
    MalformedBody,
    MissingExtra,
    NotCovered,
    NotFound,
    NumericalError,
    QueueFull,
    ServiceError,
    UnsupportedMediaType,
)
from service.schemas.parsing import MAX_NAME, message_of
from service.schemas.problem_details import ProblemDetails
from service.web.responses import Rendered

MEDIA_TYPE: Final = "application/problem+json"
MAX_IN_DETAIL: Final = 3


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of error.

    Attributes
    ----------
    code : str
        Last part of the ``type`` address.
    status : int
    title : str
    meaning : str
        Shown on the page of this kind.
    """

    code: str
    status: int
    title: str
    meaning: str


class Unauthorized(ServiceError):
    """The API key is missing or unknown."""

    code = "unauthorized"


PROBLEM_TYPES: Final[tuple[ProblemType, ...]] = (
    ProblemType(
        InputError.code,
        422,
        InputError.title,
        "The body could be read, but a field is wrong. `errors` lists each one with a JSON pointer into the body as it "
        "was sent, what was wrong and what would be right.",
    ),
    ProblemType(
        LimitExceeded.code,
        422,
        LimitExceeded.title,
        "The problem is valid but larger than this server accepts. `limit` names the setting and `allowed` its value; "
        "whoever runs the server can raise it.",
    ),
    ProblemType(
        NotCovered.code,
        422,
        NotCovered.title,
        "No solver has a closed form or a certified method for this problem. `solvers` lists each one with every "
        "hypothesis that failed, so that one can see how far away the nearest covered problem is.",
    ),
    ProblemType(
        NumericalError.code,
        500,
        NumericalError.title,
        "The mathematics has an answer, but double precision does not reach it: the numbers are too large, too small "
        "or too ill-conditioned. Rescaling the data usually helps.",
    ),
    ProblemType(
        MalformedBody.code,
        400,
        "The body is not what its content type says",
        "The body is no JSON (NaN, Infinity and numbers of thousands of digits are none either), is nested too deeply, "
        "or is no readable .npz or multipart document.",
    ),
    ProblemType(
        BodyTooLarge.code,
        413,
        "The body is too large",
        "The body, as sent or unpacked, has more bytes than the setting `max_body_bytes`, or `max_upload_bytes` for a "
        "data set. Linear networks under squared loss need only the moments of the data, which are much smaller than "
        "samples.",
    ),
    ProblemType(
        UnsupportedMediaType.code,
        415,
        "The content type is not supported",
        "Bodies are read as `application/json`, `application/x-npz` or `multipart/form-data`, without a content "
        "encoding; data sets as csv, npy, npz and, where the server has the library for it, Parquet.",
    ),
    ProblemType(
        Unauthorized.code,
        401,
        "An API key is needed",
        "This server asks for a key: send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
    ),
    ProblemType(NotFound.code, 404, NotFound.title, "Nothing is served at this path, or nothing has this name."),
    ProblemType("method-not-allowed", 405, "The method is not allowed", "The header `Allow` lists what is."),
    ProblemType("http-error", 400, "The request could not be answered", "HTTP itself forbids this request."),
    ProblemType(
        JobError.code,
        409,
        JobError.title,
        "The job has not ended yet, or it failed or was dismissed: its status says which, and why.",
    ),
    ProblemType(
        "job-expired",
        410,
        "The job has expired",
        "Request, chunks and result were removed after the setting `job_retention_s`. Asking again starts a new "
        "attempt under the same id.",
    ),
    ProblemType(
        MissingExtra.code,
        501,
        MissingExtra.title,
        "The detail names the extra to install; without it the same request is answered as JSON.",
    ),
    ProblemType(
        DatasetError.code,
        410,
        DatasetError.title,
        "Moments and samples were removed by `DELETE`, and nothing can be computed from the id any more. Uploading the "
        "same file with the same options brings it back under the same id.",
    ),
    ProblemType(
        QueueFull.code,
        429,
        QueueFull.title,
        "As many jobs wait or run as the setting `queue_limit` allows. Ask again after the seconds in `Retry-After`.",
    ),
    ProblemType(
        EngineError.code,
        503,
        EngineError.title,
        "Too much work is waiting. The same request may succeed after the seconds in `Retry-After`.",
    ),
    ProblemType(
        "internal-error",
        500,
        "The service failed",
        "This is a fault of the service. Its log has the details under the request id of the response.",
    ),
)
BY_CODE: Final[Mapping[str, ProblemType]] = {row.code: row for row in PROBLEM_TYPES}
CODE_OF_STATUS: Final[Mapping[int, str]] = {404: NotFound.code, 405: "method-not-allowed"}
HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    EngineError.code: {"Retry-After": "1"},
    QueueFull.code: {"Retry-After": "5"},
    Unauthorized.code: {"WWW-Authenticate": "Bearer"},
}


def pointer(location: Location) -> str:
    """JSON pointer of a location."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)


def response(code: str, detail: str, status: int | None = None, **extensions: Any) -> Response:
    """The response of one kind of error."""
    row = BY_CODE[code]
    details = ProblemDetails(
        type=f"/problems/{code}", title=row.title, status=status or row.status, detail=detail, **extensions
    )
    return Response(
        details.model_dump_json(exclude_unset=True), details.status, HEADERS.get(code), media_type=MEDIA_TYPE
    )


def of_service_error(error: ServiceError) -> Response:
    """The response to a deliberate error."""
    if isinstance(error, NotCovered):
        return response(error.code, error.detail, solvers=_attempts(error))
    if isinstance(error, LimitExceeded):
        return response(
            error.code, _summary(error), errors=_items(error), limit=error.limit, allowed=float(error.allowed)
        )
    if isinstance(error, InputError):
        return response(error.code, _summary(error), errors=_items(error))
    if isinstance(error, DatasetError) and error.problem.location:
        told = f"{pointer(error.problem.location)} {error.detail}"
        return response(error.code, told, errors=[_item(error.problem)])
    return response(error.code, error.detail)


def rendered(error: ServiceError) -> Rendered:
    """The same as plain bytes, for another process to send."""
    refused = of_service_error(error)
    kept = {name: text for name, text in refused.headers.items() if name == "retry-after"}
    return Rendered(bytes(refused.body), MEDIA_TYPE, refused.status_code, kept)


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
    """Handler of a parameter of a path or query that the framework refused."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    items = [
        {"parameter": str(item["loc"][-1])[:MAX_NAME], "detail": message_of(item["type"], item.get("ctx", {}))}
        for item in error.errors()
    ]
    told = "; ".join(f"the parameter {item['parameter']} {item['detail']}" for item in items[:MAX_IN_DETAIL])
    return response(InputError.code, told, errors=items)


def _methods(request: Request) -> set[str]:
    """Methods of every route at a path: the framework names those of the first one only."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in routes for method in getattr(route, "methods", None) or ()}


def _attempts(error: NotCovered) -> list[dict[str, Any]]:
    return [
        {
            "solver": attempt.name,
            "failed": [{"hypothesis": name, "reason": reason} for name, reason in attempt.failed.items()],
        }
        for attempt in error.attempts
    ]


def _items(error: InputError) -> list[dict[str, str]]:
    return [_item(item) for item in error.problems]


def _item(problem: FieldProblem) -> dict[str, str]:
    return {"pointer": pointer(problem.location), "detail": problem.detail}


def _summary(error: InputError) -> str:
    told = [f"{pointer(item.location) or 'the body'} {item.detail}" for item in error.problems[:MAX_IN_DETAIL]]
    more = len(error.problems) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")
