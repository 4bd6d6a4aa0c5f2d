"""Hessian spectra on the wire."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from service.schemas.arrays import Numbers
from service.schemas.base import (
    EngineVersion,
    Executed,
    Integer,
    Number,
    OfRequest,
    ProblemHash,
    Reasons,
    Wire,
    example,
)
from service.schemas.model_files import OfModel
from service.schemas.points import CentredOptions, PointCard
from service.schemas.problem import ProblemDocument
from service.schemas.slices import SLICE_EXAMPLE
from service.vocabulary import Evidence, SpectrumMethod

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

    problem: ProblemDocument = Field(description="The problem that is asked about.")
    method: SpectrumMethod = Field(
        default=SpectrumMethod.AUTO,
        strict=False,
        description="`exact`: all eigenvalues; `lanczos`: products with the Hessian only, for any size; `auto`: exact "
        "where that is possible.",
    )
    probes: Integer = Field(default=8, ge=1, le=1000, description="Number of random starts of Lanczos.")
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

    value: Number = Field(description="The eigenvalue.")
    residual: Number = Field(description="Some eigenvalue lies within this distance of the value.")


class Trace(Wire):
    """Sum of all eigenvalues."""

    value: Number = Field(description="The trace, or its estimate.")
    standard_error: Number | None = Field(
        description="Standard error of the estimate over the random starts; null with a reason where the trace is "
        "exact."
    )
    reasons: Reasons


class Shares(Wire):
    """How many of the eigenvalues have which sign; estimated from the quadrature where not all are known."""

    positive: Number = Field(description="Share of positive eigenvalues, from 0 to 1.")
    negative: Number = Field(description="Share of negative eigenvalues, from 0 to 1.")
    zero: Number = Field(description="Share of eigenvalues within `zero_tolerance` of zero, from 0 to 1.")
    zero_tolerance: Number = Field(description="Eigenvalues of modulus at most this count as zero.")


class Density(Wire):
    """Spectral density, of integral one."""

    eigenvalue: Numbers = Field(description="Points at which the density is given, ascending.")
    density: Numbers = Field(description="Density at each point.")
    broadening: Number = Field(description="Standard deviation of each peak.")


class Quadrature(Wire):
    """Ritz values of all starts with their weights, of sum one for each start."""

    value: Numbers = Field(description="Ritz values of all starts, one start after the other.")
    weight: Numbers = Field(description="Weight of each value.")
    starts: int = Field(description="Number of random starts.")


class SpectraAnswer(Wire):
    """The spectrum of the Hessian with respect to all weights and biases."""

    method: SpectrumMethod = Field(strict=False, description="How the spectrum was found.")
    evidence: Evidence = Field(
        strict=False,
        description="`certified`: every eigenvalue with an error bound; `observed`: computed numerically.",
    )
    point: PointCard = Field(description="The point at which the Hessian is taken.")
    weights: int = Field(description="Number of weights and biases, which is that of the eigenvalues.")
    largest: ExtremeEigenvalue = Field(description="The largest eigenvalue.")
    least: ExtremeEigenvalue = Field(description="The least eigenvalue.")
    trace: Trace = Field(description="The sum of all eigenvalues, exact or estimated.")
    shares: Shares = Field(description="How many eigenvalues have which sign.")
    density: Density = Field(description="Spectral density, broadened.")
    eigenvalues: Numbers | None = Field(description="All eigenvalues, ascending; null with a reason for `lanczos`.")
    error_bound: Number | None = Field(
        description="Bound on the error of each eigenvalue, except for rounding; null with a reason where none is "
        "known."
    )
    quadrature: Quadrature | None = Field(description="What Lanczos gave; null with a reason for `exact`.")
    smooth: bool = Field(
        description="False if a pre-activation is closer than 1e-6 to a kink; on a kink the Hessian is that of "
        "the piece to its left, and says nothing of the other side."
    )
    seed: int = Field(description="Seed of every random number; the same seed gives the same answer.")
    model: OfModel = None
    reasons: Reasons
    convention: OfRequest
    engine_version: EngineVersion
    problem_hash: ProblemHash
    execution: Executed = None
