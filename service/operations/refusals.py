"""A deliberate error as problem details (RFC 9457), without any framework."""

from collections.abc import Mapping
from typing import Any, Final

from service.errors import DatasetError, FieldError, InputError, LimitExceeded, Location, NotCovered, ServiceError
from service.schemas.error_kinds import BY_CODE
from service.schemas.problem_details import FailedHypothesis, ProblemDetails, SolverAttempt

MAX_IN_DETAIL: Final = 3


def pointer(location: Location) -> str:
    """JSON pointer of a location."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)


def document(code: str, detail: str, status: int | None = None, **extensions: Any) -> ProblemDetails:
    """The document of one kind of error; its address is that at the root of a host."""
    row = BY_CODE[code]
    return ProblemDetails(
        type=f"/problems/{code}", title=row.title, status=status or row.status, detail=detail, **extensions
    )


def document_of(error: ServiceError, **extensions: Any) -> ProblemDetails:
    """The document of a deliberate error, with what it says of fields, solvers and limits."""
    detail, facts = _facts(error)
    return document(error.code, detail, **facts, **extensions)


def _facts(error: ServiceError) -> tuple[str, Mapping[str, Any]]:
    if isinstance(error, NotCovered):
        facts = {"solvers": _attempts(error)}
        return error.detail, facts if error.nearest is None else {**facts, "nearest": error.nearest}
    if isinstance(error, LimitExceeded):
        return _summary(error), {"errors": _items(error), "limit": error.limit, "allowed": float(error.allowed)}
    if isinstance(error, InputError):
        return _summary(error), {"errors": _items(error)}
    if isinstance(error, DatasetError) and error.problem.location:
        return f"{pointer(error.problem.location)} {error.detail}", {"errors": [_item(error.problem)]}
    return error.detail, {}


def _attempts(error: NotCovered) -> list[SolverAttempt]:
    return [
        SolverAttempt(
            solver=attempt.name,
            failed=[FailedHypothesis(hypothesis=name, reason=reason) for name, reason in attempt.failed.items()],
        )
        for attempt in error.attempts
    ]


def _items(error: InputError) -> list[dict[str, str]]:
    return [_item(item) for item in error.fields]


def _item(problem: FieldError) -> dict[str, str]:
    """Where something is wrong, and what; a parameter that is given several times has entries, a body has pointers."""
    if problem.where == "body":
        return {"pointer": pointer(problem.location), "detail": problem.detail}
    name, *entry = problem.location
    detail = f"{problem.detail} (entry {'/'.join(map(str, entry))})" if entry else problem.detail
    return {problem.where: str(name), "detail": detail}


def _summary(error: InputError) -> str:
    facts = [f"{_called(item)} {item.detail}" for item in error.fields[:MAX_IN_DETAIL]]
    more = len(error.fields) - len(facts)
    return "; ".join(facts) + (f"; and {more} more" if more > 0 else "")


def _called(problem: FieldError) -> str:
    if problem.where == "body":
        return pointer(problem.location) or "the body"
    return f"the {problem.where} {problem.location[0]}"
