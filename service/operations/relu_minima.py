"""The minimum of a problem of `/v1/minima`: two-layer ReLU networks by duality, everything else by its solver."""

from dataclasses import asdict
from typing import Final

import numpy as np

from service.core.relu.critical import CRITICAL_CONES, critical_beta
from service.core.relu.form import examined, form_of
from service.core.relu.minimum import CertifiedLoop
from service.errors import Location, NotCovered
from service.operations.cost import estimate_s, relu_s, size_of
from service.operations.guards import check_time, double_precision, finite_answer, searching
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping import relu as mapping
from service.operations.mapping.locations import located
from service.operations.minima import minima
from service.schemas.minima import MinimaAnswer
from service.schemas.parts_relu import ReluState
from service.schemas.problem import ProblemDocument
from service.schemas.relu import ReluMinimaAnswer, ReluMinimaRequest, ReluReturn
from service.schemas.request import MinimaRequest
from service.settings import Limits
from service.vocabulary import RELU_LOSSES, Activation

EFFORT: Final = 200_000
"""Cones of a search that was not asked for by `/v1/relu-minima`."""


def minima_of_any(request: MinimaRequest, limits: Limits, problem_at: Location = ()) -> MinimaAnswer | ReluMinimaAnswer:
    """Solve and certify; parameters as in `operations.rows`.

    Raises
    ------
    NotCovered
        Names each solver with the hypotheses that failed.
    """
    if not _may_be_relu(request.problem):
        return minima(request, limits, problem_at)
    check_time(request.time_limit_s, limits)
    try:
        return _certified(request, limits, problem_at)
    except NotCovered:
        if request.problem.objective.loss in RELU_LOSSES:
            raise
        return minima(request, limits, problem_at)


def minima_of_any_s(request: MinimaRequest) -> float:
    """Seconds that one answer takes on one core, to within a small factor."""
    if not _may_be_relu(request.problem):
        return estimate_s(request)
    samples, inputs = size_of(request.problem.data)
    return relu_s(samples, inputs, EFFORT)


def _may_be_relu(problem: ProblemDocument) -> bool:
    """Whether a problem has the shape of what duality answers; its hypotheses decide."""
    layers = problem.network.layers
    hinged = layers[0].activation in (Activation.RELU, Activation.LEAKY_RELU)
    return len(layers) == 2 and hinged and all(layer.weight_decay > 0.0 for layer in layers)


def _certified(request: MinimaRequest, limits: Limits, problem_at: Location) -> ReluMinimaAnswer:
    with located(problem_at):
        mapped = problem_mapping.to_core(request.problem, limits, relu=True)
    findings = examined(mapped.core)
    returned = ReluReturn(problem=request.return_.problem)
    asked = ReluMinimaRequest.model_validate({"problem": request.problem, "return": returned})
    form = form_of(mapped.core, mapping.parameter_of(request.problem))
    objective, head = form.objective, mapping.heading(asked, mapped, form, findings)
    with double_precision(), finite_answer(), np.errstate(all="ignore"):
        with searching(request.time_limit_s):
            loop = CertifiedLoop(objective, asked.tolerance, EFFORT)
            found = loop.run()
        critical = critical_beta(objective, CRITICAL_CONES)
        state = ReluState(
            w=found.units.w,
            signs=found.units.signs,
            free=found.units.free,
            errors=loop.trainer.errors(),
            known=loop.trainer.known,
            value=found.value,
            bound=found.dual.bound,
            gap=found.gap,
            dual=found.dual.errors,
            feature_bound=found.dual.feature_bound,
            slack=0.0,
            critical=critical.value if critical.is_known else None,
            direction=np.zeros(0),
            sign=0.0,
            correlation=0.0,
            cones=found.cones,
            searches=found.rounds,
            relaxed=True,
            trained=2,
            loss=head.loss_per_sum * found.value,
            lower_bound=head.loss_per_sum * found.dual.bound,
            done=True,
        )
        return mapping.to_wire(asdict(head), objective, found.units, state)
