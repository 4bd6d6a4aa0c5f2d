"""Small pictures inside a summary of a landscape, made by the plans of the heavy operations."""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypeVar

from service.core.dispatch import Extras
from service.errors import LimitExceeded, NotCovered, ServiceError
from service.operations.mapping import learning_coefficient
from service.operations.minima import solved, to_core
from service.operations.plans import slices, spectra
from service.operations.plans.plan import Work
from service.operations.plans.running import answer_here
from service.schemas.base import Wire
from service.schemas.flatness import LearningCoefficient
from service.schemas.landscape import LandscapeRequest
from service.schemas.request import MinimaRequest
from service.schemas.slices import SlicesAnswer, SlicesRequest
from service.schemas.spectra import SpectraAnswer, SpectraRequest
from service.settings import Limits
from service.vocabulary import SliceKind

INLINE_S: Final = 2.0
"""Estimated seconds of one core above which a part is left to its own operation."""
POINTS: Final = 21

RequestT = TypeVar("RequestT", bound=Wire)
AnswerT = TypeVar("AnswerT", bound=Wire)
Part: TypeAlias = Literal["slice", "interpolation", "hessian"]


@dataclass(slots=True)
class Included:
    """The parts that a request includes, and for each of them that cannot be had the reason."""

    slice: SlicesAnswer | None = None
    interpolation: SlicesAnswer | None = None
    hessian: SpectraAnswer | None = None
    learning_coefficient: LearningCoefficient | None = None
    reasons: dict[str, str] = field(default_factory=dict)


def included(request: LandscapeRequest, limits: Limits) -> Included:
    """The parts that a request includes, around the global minimum or else a trained point."""
    found = Included()
    if "slice" in request.include:
        found.slice = _sliced("slice", SlicesRequest(problem=request.problem, points=POINTS), limits, found.reasons)
    if "interpolation" in request.include:
        straight = SlicesRequest(problem=request.problem, kind=SliceKind.INTERPOLATION)
        found.interpolation = _sliced("interpolation", straight, limits, found.reasons)
    if "hessian" in request.include:
        asked = SpectraRequest(problem=request.problem)
        found.hessian = _answer("hessian", asked, spectra.WORK, SpectraAnswer, "spectra", limits, found.reasons)
    if "learning_coefficient" in request.include:
        found.learning_coefficient = _coefficient(request, limits)
    return found


def _coefficient(request: LandscapeRequest, limits: Limits) -> LearningCoefficient:
    """Of the global minima, which are solved for that."""
    try:
        mapped = to_core(MinimaRequest(problem=request.problem), limits)
        return learning_coefficient.to_wire(mapped, solved(mapped.core, Extras(reductions=True, thresholds=False)))
    except NotCovered:
        return learning_coefficient.unknown("no solver has the minimum of this problem")
    except ServiceError as error:
        return learning_coefficient.unknown(error.detail)


def _sliced(part: Part, asked: SlicesRequest, limits: Limits, reasons: dict[str, str]) -> SlicesAnswer | None:
    return _answer(part, asked, slices.WORK, SlicesAnswer, "slices", limits, reasons)


def _answer(
    part: Part,
    asked: RequestT,
    work: Work[RequestT],
    model: type[AnswerT],
    operation: str,
    limits: Limits,
    reasons: dict[str, str],
) -> AnswerT | None:
    """The answer to the request for a part; None, and a reason more, where it cannot be had here.

    ``operation`` is the one that does it whatever it takes.
    """
    try:
        plan = work.plan(asked, limits)
        if plan.cost_s <= INLINE_S:
            return model.model_validate(answer_here(plan, work.guarded()))
        reasons[part] = f"more work than a summary does: ask POST /v1/{operation}"
    except LimitExceeded as error:
        reasons[part] = f"larger than the limit {error.limit} = {error.allowed:g}"
    except ServiceError as error:
        reasons[part] = error.detail
    return None
