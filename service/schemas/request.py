"""The request for minima: a problem and what the caller wants to get back."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Number, Wire
from service.schemas.problem import Problem


class ReturnOptions(Wire):
    """How much of the solution is sent back."""

    weights: Literal["none", "factors", "full"] = Field(
        default="none", description="Weights as low-rank factors, which stay small at any width, or as full matrices."
    )
    problem: bool = Field(
        default=False, description="Repeat the problem, so that the answer can be verified by itself."
    )


class MinimaOptions(Wire):
    """What stands beside a problem and does not change it."""

    return_: ReturnOptions = Field(default=ReturnOptions(), alias="return")
    include: list[Literal["hessian", "layer_norms", "subnetworks"]] = Field(
        default=[],
        max_length=10,
        description="Parts that are left out by default: the sign of the Hessian at the minimum among the checks "
        "(up to 400 parameters), the norms of the layers, the stationary points of narrower networks inside one "
        "with noise.",
    )
    time_limit_s: Number | None = Field(default=None, gt=0, description="Seconds; at most the server's own limit.")


class MinimaRequest(MinimaOptions):
    """A problem, wrapped, with options beside it."""

    problem: Problem


class BareMinimaRequest(MinimaOptions, Problem):
    """A problem as it is, with options as further fields; read as the wrapped form."""
