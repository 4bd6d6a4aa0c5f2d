"""Small pictures inside a summary of a landscape, made by the plans of the heavy operations."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from service.errors import LimitExceeded, ServiceError
from service.operations.plans import slices, spectra
from service.operations.plans.chunks import ChunkedPlan, ChunkFunction, Json, run_here
from service.schemas.landscape import LandscapeRequest
from service.schemas.slices import SlicesRequest
from service.schemas.spectra import SpectraRequest
from service.settings import Limits
from service.vocabulary import SliceKind

INLINE_S: Final = 2.0
"""Estimated seconds of one core above which a part is left to its own operation."""
POINTS: Final = 21


def _slice(request: LandscapeRequest, limits: Limits) -> ChunkedPlan:
    return slices.slices_plan(SlicesRequest(problem=request.problem, points=POINTS), limits)


def _interpolation(request: LandscapeRequest, limits: Limits) -> ChunkedPlan:
    asked = SlicesRequest(problem=request.problem, kind=SliceKind.INTERPOLATION)
    return slices.slices_plan(asked, limits)


def _hessian(request: LandscapeRequest, limits: Limits) -> ChunkedPlan:
    return spectra.spectra_plan(SpectraRequest(problem=request.problem), limits)


PARTS: Final[
    Mapping[str, tuple[Callable[[LandscapeRequest, Limits], ChunkedPlan], Mapping[str, ChunkFunction], str]]
] = {
    "slice": (_slice, slices.FUNCTIONS, "slices"),
    "interpolation": (_interpolation, slices.FUNCTIONS, "slices"),
    "hessian": (_hessian, spectra.FUNCTIONS, "spectra"),
}
"""Part of a summary to its plan, and the operation that does it without this bound of time."""


def included(request: LandscapeRequest, limits: Limits) -> tuple[dict[str, Any], dict[str, str]]:
    """The parts that a request includes, around the global minimum or else a trained point.

    Returns
    -------
    dict
        Each part, null where it cannot be had.
    dict
        Why not.
    """
    parts: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, (build, functions, operation) in PARTS.items():
        if name not in request.include:
            continue
        parts[name] = None
        try:
            plan = build(request, limits)
            if plan.cost_s > INLINE_S:
                reasons[name] = f"more work than a summary does: ask POST /v1/{operation}"
                continue
            parts[name] = plain(run_here(plan, functions))
        except LimitExceeded as error:
            reasons[name] = f"larger than the limit {error.limit} = {error.allowed:g}"
        except ServiceError as error:
            reasons[name] = error.detail
        except (ArithmeticError, np.linalg.LinAlgError):
            reasons[name] = "the computation left the range of double precision"
    return parts, reasons


def plain(value: Json) -> Json:
    """The value with arrays as lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value
