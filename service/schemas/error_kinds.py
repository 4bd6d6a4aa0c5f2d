"""The one table of the facts of an error: what it is called, what follows from it over HTTP and on the command line.

`service.errors` says what can go wrong and knows nothing of this; web and command line read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.errors import (
    BodyTooLarge,
    BodyTooSlow,
    DatasetError,
    EngineError,
    InputError,
    JobError,
    LimitExceeded,
    MalformedBody,
    MissingExtra,
    NotAcceptable,
    NotCovered,
    NotFound,
    NumericalError,
    QueueFull,
    Unauthorized,
    UnsupportedMediaType,
)


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """A kind of error.

    Attributes
    ----------
    code : str
        Of the class of the error, and the last part of the ``type`` address.
    status : int
        Over HTTP.
    title, meaning : str
        In a few words, and on the page of this kind.
    exit_status : int
        Of a command: 2 if who called can mend it, 3 if no theorem covers it, 4 if doubles do not reach it, else 1.
    retry_after_s : int or None
        Seconds after which the same request may succeed.
    """

    code: str
    status: int
    title: str
    meaning: str
    exit_status: int = 1
    retry_after_s: int | None = None


ERROR_KINDS: Final[tuple[ErrorKind, ...]] = (
    ErrorKind(
        InputError.code,
        422,
        "The problem is not valid",
        "The body could be read, but a field is wrong. `errors` lists each one with a JSON pointer into the body as it "
        "was sent, what was wrong and what would be right.",
        exit_status=2,
    ),
    ErrorKind(
        LimitExceeded.code,
        422,
        "The problem is larger than this server accepts",
        "The problem is valid but larger than this server accepts. `limit` names the setting and `allowed` its value; "
        "the operator of the server can raise it.",
        exit_status=2,
    ),
    ErrorKind(
        NotCovered.code,
        422,
        "No exact result is known here for this problem",
        "No solver has a closed form or a certified method for this problem. `solvers` lists each one with every "
        "hypothesis that failed; `nearest` is the smallest change that is covered, or an operation that answers.",
        exit_status=3,
    ),
    ErrorKind(
        NumericalError.code,
        422,
        "The answer could not be computed in double precision",
        "The answer exists but could not be computed in double precision: the numbers are too large, too small "
        "or too ill-conditioned. Rescale the data, for example with `data.standardise`.",
        exit_status=4,
    ),
    ErrorKind(
        MalformedBody.code,
        400,
        "The body is not what its content type says",
        "The body is not valid JSON (NaN, Infinity and numbers of thousands of digits are not allowed), is "
        "nested too deeply, or is not a readable .npz or multipart document.",
        exit_status=2,
    ),
    ErrorKind(
        BodyTooLarge.code,
        413,
        "The body is too large",
        "The body, as sent or unpacked, has more bytes than the setting `max_body_bytes`, or `max_upload_bytes` for a "
        "data set. Linear networks under squared loss need only the moments of the data, which are much smaller than "
        "samples.",
        exit_status=2,
    ),
    ErrorKind(
        BodyTooSlow.code,
        408,
        "The body came too slowly",
        "Less than the setting `min_body_rate` came on average, beside the seconds of `body_grace_s`; or an upload "
        "came more slowly than `slow_upload_rate` while others waited for its place. Send it again, faster.",
    ),
    ErrorKind(
        UnsupportedMediaType.code,
        415,
        "The content type is not supported",
        "Bodies are read as `application/json`, `application/x-npz` or `multipart/form-data`, without a content "
        "encoding; data sets as csv, npy, npz and, where the server has the library for it, Parquet and Feather.",
        exit_status=2,
    ),
    ErrorKind(
        Unauthorized.code,
        401,
        "An API key is needed",
        "This server asks for a key: send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
    ),
    ErrorKind(
        NotFound.code,
        404,
        "There is no such resource",
        "There is no resource at this path or of this name.",
        exit_status=2,
    ),
    ErrorKind(
        NotAcceptable.code,
        406,
        "The answer has no form that is accepted",
        "The header `Accept` names forms only that this answer does not have. Every answer can be JSON; of some, "
        "pictures are drawn.",
        exit_status=2,
    ),
    ErrorKind("method-not-allowed", 405, "The method is not allowed", "The header `Allow` lists the allowed methods."),
    ErrorKind("http-error", 400, "The request could not be answered", "HTTP itself forbids this request."),
    ErrorKind(
        JobError.code,
        409,
        "The job has no result",
        "The job has not ended yet, or it failed or was dismissed: its status says which, and why.",
    ),
    ErrorKind(
        "job-expired",
        410,
        "The job has expired",
        "Request, chunks and result were removed after the setting `job_retention_s`. Asking again starts a new "
        "attempt under the same id.",
    ),
    ErrorKind(
        MissingExtra.code,
        501,
        "An optional part of the server is not installed",
        "The detail names the extra to install. The same request for JSON needs no extra.",
    ),
    ErrorKind(
        DatasetError.code,
        410,
        "The data set was deleted or expired",
        "Numbers and samples were removed by `DELETE`, or because they were not used for a long time; the id "
        "cannot be used any more. Upload the same file with the same options to restore it under the same id.",
    ),
    ErrorKind(
        DatasetError.outdated_code,
        410,
        "The data set was stored by an older version",
        "An older version stored moments only, with too few digits for today's bounds. Upload the same file again.",
    ),
    ErrorKind(
        QueueFull.code,
        429,
        "The queue of jobs is full",
        "The number of waiting and running jobs has reached the setting `queue_limit`. Submit again after the "
        "seconds in `Retry-After`.",
        retry_after_s=5,
    ),
    ErrorKind(
        EngineError.code,
        503,
        "The service is temporarily unable to answer",
        "Too much work is waiting. The same request may succeed after the seconds in `Retry-After`.",
        retry_after_s=1,
    ),
    ErrorKind(
        "internal-error",
        500,
        "The service failed",
        "This is a fault of the service. Its log has the details under the request id of the response.",
    ),
)
BY_CODE: Final[Mapping[str, ErrorKind]] = {row.code: row for row in ERROR_KINDS}
