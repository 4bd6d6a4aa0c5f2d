"""Errors on the wire: RFC 9457 problem details."""

from typing import Literal

from pydantic import ConfigDict, Field

from service.schemas.base import Integer, Number, Wire, example


class ErrorItem(Wire):
    """One thing that is wrong with one field."""

    pointer: str | None = Field(
        default=None,
        description="JSON pointer (RFC 6901) into the body as it was sent; absent where a parameter or a header "
        "is wrong.",
    )
    parameter: str | None = Field(
        default=None, description="Name of a parameter of the path or query; only where that is wrong."
    )
    header: str | None = Field(default=None, description="Name of a header of the request; only where that is wrong.")
    detail: str = Field(description="What was wrong and what would be right.")


class FailedHypothesis(Wire):
    """A hypothesis that kept a solver from answering."""

    hypothesis: str = Field(description="Name of the hypothesis.")
    reason: str = Field(description="Why it fails, or is unknown, on this problem.")


class SolverAttempt(Wire):
    """A solver that was asked, and every hypothesis that failed."""

    solver: str = Field(description="Name of the solver.")
    failed: list[FailedHypothesis] = Field(description="Every hypothesis that failed.")


class PatchOperation(Wire):
    """One operation of a JSON Patch (RFC 6902)."""

    op: Literal["add", "remove"] = Field(description="What is done; `add` also replaces what stands there.")
    path: str = Field(description="JSON pointer into the body as it was sent.")
    value: bool | Number | str | None = Field(default=None, description="What is put there; absent for `remove`.")


class Nearest(Wire):
    """What comes nearest to a request that nothing covers."""

    patch: list[PatchOperation] | None = Field(
        default=None, description="The smallest change of the body that makes a problem that is covered."
    )
    operation: str | None = Field(
        default=None, description="Path of an operation that answers for the problem as it is."
    )


class ProblemDetails(Wire):
    """The body of every error, as `application/problem+json`."""

    model_config = ConfigDict(
        **example(
            {
                "type": "/problems/invalid-input",
                "title": "The problem is not valid",
                "status": 422,
                "detail": "/network/layers/0/weight_decay must be at least 0",
                "errors": [{"pointer": "/network/layers/0/weight_decay", "detail": "must be at least 0"}],
            }
        )
    )

    type: str = Field(
        description="Relative address of a page that describes this kind of error, whose last part is stable."
    )
    title: str = Field(description="The kind of error, in a few words.")
    status: Integer = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong here, and what would be right.")
    errors: list[ErrorItem] | None = Field(
        default=None, description="What is wrong with single fields; absent where no field is to blame."
    )
    solvers: list[SolverAttempt] | None = Field(
        default=None, description="Every solver with what kept it from answering; only if no solver covers the problem."
    )
    nearest: Nearest | None = Field(
        default=None, description="What is covered, or answers, instead; only for `not-covered`, where it is known."
    )
    index: Integer | None = Field(
        default=None, description="Place of the problem among those of a batch; only in the answer of one."
    )
    limit: str | None = Field(
        default=None, description="Name of the limit that was exceeded; only for `limit-exceeded`."
    )
    allowed: Number | None = Field(default=None, description="Value of that limit; only for `limit-exceeded`.")
