"""Hessian spectra on the wire."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from service.schemas.arrays import Numbers
from service.schemas.base import Execution, Integer, Number, Reasons, Wire, example
from service.schemas.points import CentredOptions, PointCard
from service.schemas.problem import ProblemDocument
from service.schemas.slices import SLICE_EXAMPLE
from service.vocabulary import Convention, Evidence, SpectrumMethod

SPECTRUM_EXAMPLE: Final = {"problem": SLICE_EXAMPLE["problem"], "seed": 1}

DESCRIPTION: Final = """\
Find all eigenvalues, or by products with the Hessian alone the ends and the density of the spectrum.

A request with a long estimated time becomes a job; the same seed gives the same answer.

With `accept: image/svg+xml` or `image/png` the answer, or the result of the job, is a picture."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "a small network: all eigenvalues": SPECTRUM_EXAMPLE,
    "by products with the Hessian": {**SPECTRUM_EXAMPLE, "method": "lanczos", "probes": 4, "lanczos_steps": 10},
}


class SpectraRequest(CentredOptions):
    """A problem and the point at which its Hessian is looked at."""

    model_config = example(SPECTRUM_EXAMPLE)

    problem: ProblemDocument
    method: SpectrumMethod = Field(
        default=SpectrumMethod.AUTO,
        strict=False,
        description="`exact`: all eigenvalues; `lanczos`: products with the Hessian only, for any size; `auto`: exact "
        "where that is possible.",
    )
    probes: Integer = Field(default=8, ge=1, le=1000, description="Random starts of Lanczos.")
    lanczos_steps: Integer = Field(default=80, ge=2, le=1000, description="Products with the Hessian for each start.")
    points: Integer = Field(
        default=201, ge=2, le=100_000, description="Number of points at which the density is given."
    )
    broadening: Number | None = Field(
        default=None,
        gt=0,
        description="Standard deviation of each peak; left out: a hundredth of the range. Widths that the grid cannot "
        "show are moved to the nearest one that it can.",
    )


class ExtremeEigenvalue(Wire):
    """An end of the spectrum."""

    value: Number
    residual: Number = Field(description="Some eigenvalue lies within this distance of the value.")


class Trace(Wire):
    """Sum of all eigenvalues."""

    value: Number
    standard_error: Number | None = Field(description="Over the random starts.")
    reasons: Reasons


class Shares(Wire):
    """How many of the eigenvalues have which sign; estimated from the quadrature where not all are known."""

    positive: Number
    negative: Number
    zero: Number
    zero_tolerance: Number = Field(description="Eigenvalues of smaller modulus count as zero.")


class Density(Wire):
    """Spectral density, of integral one."""

    eigenvalue: Numbers
    density: Numbers
    broadening: Number


class Quadrature(Wire):
    """Ritz values of all starts with their weights, of sum one for each start."""

    value: Numbers
    weight: Numbers
    starts: int


class SpectraAnswer(Wire):
    """The spectrum of the Hessian with respect to all weights and biases."""

    method: SpectrumMethod = Field(strict=False)
    evidence: Evidence = Field(
        strict=False,
        description="`certified`: every eigenvalue with an error bound; `observed`: computed numerically.",
    )
    point: PointCard
    weights: int = Field(description="Weights and biases.")
    largest: ExtremeEigenvalue
    least: ExtremeEigenvalue
    trace: Trace
    shares: Shares
    density: Density
    eigenvalues: Numbers | None = Field(description="All of them, ascending.")
    error_bound: Number | None = Field(description="Bound on the error of each eigenvalue, except for rounding.")
    quadrature: Quadrature | None
    smooth: bool = Field(description="False if a pre-activation is closer than 1e-6 to a kink.")
    seed: int
    reasons: Reasons
    convention: Convention = Field(strict=False)
    engine_version: str
    problem_hash: str
    execution: Execution | None = Field(
        default=None, description="Absent from the result of a job; the status of the job has the reason."
    )
