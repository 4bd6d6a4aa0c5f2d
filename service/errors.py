"""Deliberate errors of the service, free of HTTP: one class for each thing that can go wrong on purpose.

Who can recover decides the class: the caller (`InputError`, `LimitExceeded`, `NotCovered`, `JobError`),
nobody without better numbers (`NumericalError`), the operator of the server (`MissingExtra`), or time
(`EngineError`).  What follows from each over HTTP and on the command line stands in one table,
`service.schemas.error_kinds`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Location: TypeAlias = tuple[str | int, ...]
Where: TypeAlias = Literal["body", "parameter", "header"]
"""The part of a request in which a field stands; a parameter is one of the path or of the query."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with one field.

    Attributes
    ----------
    location : tuple of str and int
        Path from the root of the *problem* to the field, for example ``("data", "xx", 0)``; for a parameter or a
        header its name, for example ``("cursor",)``.
    detail : str
        What was wrong and what would be right.  Never holds the caller's values.
    where : {"body", "parameter", "header"}
    """

    location: Location
    detail: str
    where: Where = "body"


def counted(count: int, one: str, several: str | None = None) -> str:
    """A number of things in words: ``1 entry``, ``2 entries``."""
    return f"{count} {one if count == 1 else several or one + 's'}"


class ServiceError(Exception):
    """Base class of every deliberate error."""

    code = "service-error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes as what it is, though constructors take more than one text."""
        return _restored, (type(self), self.args, dict(self.__dict__))


def _restored(kind: type[ServiceError], args: tuple[Any, ...], state: Mapping[str, Any]) -> ServiceError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InputError(ServiceError):
    """The caller sent something that is not a valid problem, and can mend it."""

    code = "invalid-input"

    def __init__(self, fields: Sequence[FieldError]) -> None:
        super().__init__("; ".join(field.detail for field in fields))
        self.fields = tuple(fields)

    @classmethod
    def at(cls, location: Location, detail: str, where: Where = "body") -> "InputError":
        """Build the error of a single field."""
        return cls([FieldError(location, detail, where)])


class LimitExceeded(InputError):
    """The problem is valid but larger than this server accepts."""

    code = "limit-exceeded"

    def __init__(self, location: Location, limit: str, allowed: float, unit: str) -> None:
        super().__init__([FieldError(location, f"exceeds the limit {limit} = {allowed:g} {unit}")])
        self.limit = limit
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Attempt:
    """A solver or rule that was asked, and the hypotheses that kept it from answering.

    Attributes
    ----------
    name : str
        Name of the solver or rule.
    failed : mapping of str to str
        Each failed hypothesis with the reason, in words.
    """

    name: str
    failed: Mapping[str, str] = field(default_factory=dict)


class NotCovered(ServiceError):
    """Valid, but no solver's hypotheses hold: names each solver with what failed."""

    code = "not-covered"

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        closest = min(attempts, key=lambda attempt: len(attempt.failed), default=Attempt(""))
        reasons = [reason or name for name, reason in closest.failed.items()]
        super().__init__(f"no exact result covers this problem: {'; '.join(reasons)}")
        self.attempts = tuple(attempts)
        self.nearest: object = None
        """What is covered instead, as the document of the error has it."""


class NumericalError(ServiceError):
    """The mathematics has an answer, double precision does not reach it."""

    code = "numerical-error"


class NotFound(ServiceError):
    """A theorem, example or other named thing that does not exist."""

    code = "not-found"


class JobError(ServiceError):
    """A job is unknown (``missing``), not ready (``conflict``) or gone (``expired``)."""

    code = "job-not-ready"

    def __init__(self, detail: str, reason: Literal["missing", "conflict", "expired"]) -> None:
        super().__init__(detail)
        self.reason = reason
        self.code = {"missing": NotFound.code, "conflict": JobError.code, "expired": "job-expired"}[reason]


class EngineError(ServiceError):
    """The store or the worker pool is away; the same request may succeed later."""

    code = "engine-unavailable"


class MissingExtra(ServiceError):
    """What was asked for needs an optional part that is not installed on this server."""

    code = "extra-missing"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} need the extra `{extra}` on the server: pip install 'analytic-minima-server[{extra}]'; in a "
            "checkout `make run` installs every extra"
        )
        self.extra = extra


class NotAcceptable(ServiceError):
    """The answer has none of the forms that the caller accepts."""

    code = "not-acceptable"


class QueueFull(ServiceError):
    """Too many jobs wait already; the same request may be accepted later."""

    code = "queue-full"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the queue holds {limit} jobs, which is its limit")
        self.limit = limit


class Unauthorized(ServiceError):
    """The API key is missing or unknown."""

    code = "unauthorized"


class BodyError(ServiceError):
    """What was sent cannot be read at all, before anything is known about its content."""


class MalformedBody(BodyError):
    """What was sent is not what its content type announces."""

    code = "malformed-body"


class BodyTooLarge(BodyError):
    """What was sent has more bytes than the server accepts."""

    code = "body-too-large"


class BodyTooSlow(BodyError):
    """What was sent did not come in time."""

    code = "body-too-slow"


class UnsupportedMediaType(BodyError):
    """The service does not read this content type or encoding."""

    code = "unsupported-media-type"


class UnsupportedEncoding(UnsupportedMediaType):
    """The service reads bodies as they are: what is packed could unpack to anything."""


class DatasetError(ServiceError):
    """A data set is not there.

    It is unknown (``missing``), was deleted (``deleted``), was not used for long (``expired``), or was stored in a form
    that newer versions cannot compute from (``outdated``).
    """

    code = "dataset-deleted"
    outdated_code = "dataset-outdated"

    def __init__(self, location: Location, reason: Literal["missing", "deleted", "expired", "outdated"]) -> None:
        detail = {
            "missing": "is not the id of a data set on this server",
            "deleted": "is the id of a data set that was deleted",
            "expired": "is the id of a data set that expired because it was not used; upload the file again",
            "outdated": "is the id of a data set that an older version stored with too few digits; upload the "
            "file again",
        }[reason]
        super().__init__(detail)
        self.code = {"missing": NotFound.code, "outdated": self.outdated_code}.get(reason, DatasetError.code)
        self.problem = FieldError(location, detail)
