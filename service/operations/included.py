"""Small pictures inside a summary of a landscape, made by the plans of the heavy operations."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from service.errors import LimitExceeded, ServiceError
from service.operations.plans import slices, spectra
from service.operations.plans.columns import plain
from service.operations.plans.plan import Work
from service.operations.plans.running import run_here
from service.schemas.base import Wire
from service.schemas.landscape import LandscapeRequest
from service.schemas.slices import SlicesRequest
from service.schemas.spectra import SpectraRequest
from service.settings import Limits
from service.vocabulary import SliceKind

INLINE_S: Final = 2.0
"""Estimated seconds of one core above which a part is left to its own operation."""
POINTS: Final = 21


def _slice(request: LandscapeRequest) -> Wire:
    return SlicesRequest(problem=request.problem, points=POINTS)


def _interpolation(request: LandscapeRequest) -> Wire:
    return SlicesRequest(problem=request.problem, kind=SliceKind.INTERPOLATION)


def _hessian(request: LandscapeRequest) -> Wire:
    return SpectraRequest(problem=request.problem)


PARTS: Final[Mapping[str, tuple[Callable[[LandscapeRequest], Wire], Work[Any], str]]] = {
    "slice": (_slice, slices.WORK, "slices"),
    "interpolation": (_interpolation, slices.WORK, "slices"),
    "hessian": (_hessian, spectra.WORK, "spectra"),
}
"""Part of a summary to the request for it, how that is cut, and the operation that does it whatever it takes."""


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
    for name, (asked, work, operation) in PARTS.items():
        if name not in request.include:
            continue
        parts[name] = None
        try:
            plan = work.plan(asked(request), limits)
            if plan.cost_s > INLINE_S:
                reasons[name] = f"more work than a summary does: ask POST /v1/{operation}"
                continue
            parts[name] = plain(run_here(plan, work.guarded()))
        except LimitExceeded as error:
            reasons[name] = f"larger than the limit {error.limit} = {error.allowed:g}"
        except ServiceError as error:
            reasons[name] = error.detail
    return parts, reasons
