"""The one table from errors to statuses, and what the documentation says of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.errors import (
    BodyTooLarge,
    DatasetError,
    EngineError,
    InputError,
    JobError,
    LimitExceeded,
    MalformedBody,
    MissingExtra,
    NotCovered,
    NotFound,
    NumericalError,
    QueueFull,
    ServiceError,
    UnsupportedMediaType,
)

MEDIA_TYPE: Final = "application/problem+json"


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
        "the operator of the server can raise it.",
    ),
    ProblemType(
        NotCovered.code,
        422,
        NotCovered.title,
        "No solver has a closed form or a certified method for this problem. `solvers` lists each one with every "
        "hypothesis that failed, which shows how far the nearest covered problem is.",
    ),
    ProblemType(
        NumericalError.code,
        500,
        NumericalError.title,
        "The answer exists but could not be computed in double precision: the numbers are too large, too small "
        "or too ill-conditioned. Rescale the data, for example with `data.standardise`.",
    ),
    ProblemType(
        MalformedBody.code,
        400,
        "The body is not what its content type says",
        "The body is not valid JSON (NaN, Infinity and numbers of thousands of digits are not allowed), is "
        "nested too deeply, or is not a readable .npz or multipart document.",
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
    ProblemType(NotFound.code, 404, NotFound.title, "There is no resource at this path or of this name."),
    ProblemType(
        "method-not-allowed", 405, "The method is not allowed", "The header `Allow` lists the allowed methods."
    ),
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
        "The detail names the extra to install. The same request for JSON needs no extra.",
    ),
    ProblemType(
        DatasetError.code,
        410,
        DatasetError.title,
        "Numbers and samples were removed by `DELETE`, or because they were not used for a long time; the id "
        "cannot be used any more. Upload the same file with the same options to restore it under the same id.",
    ),
    ProblemType(
        DatasetError.outdated_code,
        410,
        "The data set was stored by an older version",
        "An older version stored moments only, with too few digits for today's bounds. Upload the same file again.",
    ),
    ProblemType(
        QueueFull.code,
        429,
        QueueFull.title,
        "The number of waiting and running jobs has reached the setting `queue_limit`. Submit again after the "
        "seconds in `Retry-After`.",
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
