"""Errors on the wire: RFC 9457 problem details."""

from pydantic import ConfigDict, Field

from service.schemas.base import Number, Wire, example


class ErrorItem(Wire):
    """One thing that is wrong with one field."""

    pointer: str | None = Field(default=None, description="JSON pointer (RFC 6901) into the body as it was sent.")
    parameter: str | None = Field(default=None, description="Name of a parameter of the path or query.")
    header: str | None = Field(default=None, description="Name of a header of the request.")
    detail: str = Field(description="What was wrong and what would be right.")


class FailedHypothesis(Wire):
    """A hypothesis that kept a solver from answering."""

    hypothesis: str
    reason: str


class SolverAttempt(Wire):
    """A solver that was asked, and every hypothesis that failed."""

    solver: str
    failed: list[FailedHypothesis]


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
    title: str
    status: int
    detail: str
    errors: list[ErrorItem] | None = None
    solvers: list[SolverAttempt] | None = Field(default=None, description="Why nobody covers the problem.")
    limit: str | None = Field(default=None, description="The setting that was exceeded.")
    allowed: Number | None = Field(default=None, description="Its value.")
