"""The minimum of a problem of `/v1/minima`: two-layer ReLU networks by duality, everything else by its solver."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Final

import numpy as np

from service.core.relu.critical import CRITICAL_CONES, critical_beta
from service.core.relu.form import examined, form_of
from service.core.relu.minimum import CertifiedLoop
from service.core.relu_bounds import form as bounds_form
from service.core.relu_bounds.critical import critical_beta as bounds_critical
from service.core.relu_bounds.search import ROUNDS, BoundedSearch
from service.errors import Attempt, InputError, Location, NotCovered
from service.operations.cost import estimate_s, relu_s, size_of
from service.operations.guards import check_time, double_precision, finite_answer, searching
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping import relu as mapping
from service.operations.mapping import relu_bounds as bounds_mapping
from service.operations.mapping.locations import located
from service.operations.minima import minima
from service.operations.nearest import suggesting_nearest
from service.schemas.minima import MinimaAnswer
from service.schemas.parts_relu import ReluState
from service.schemas.problem import ProblemDocument
from service.schemas.relu import ReluMinimaAnswer, ReluMinimaRequest, ReluReturn
from service.schemas.request import MinimaRequest
from service.settings import Limits
from service.vocabulary import RELU_LOSSES, Activation

OF_LINEAR: Final = "for a network with activations: POST /v1/diagnose tells the sharpness at given weights"
EFFORT: Final = 200_000
"""Cones of a search that was not asked for by `/v1/relu-minima`."""
MOST: Final = EFFORT // (ROUNDS + 1)
"""Cones of one proof of a network that is only bounded."""


def minima_of_any(request: MinimaRequest, limits: Limits, problem_at: Location = ()) -> MinimaAnswer | ReluMinimaAnswer:
    """Solve and certify; parameters as in `operations.rows`.

    Raises
    ------
    InputError
        If a part is asked for that is known for linear networks only.
    NotCovered
        Names each solver with the hypotheses that failed.
    """
    if not _may_be_relu(request.problem):
        return minima(request, limits, problem_at)
    for place, part in enumerate(request.include):
        if part in ("flatness", "learning_coefficient"):
            raise InputError.at(("include", place), f"must not be {part} {OF_LINEAR}")
    check_time(request.time_limit_s, limits)
    ways: list[Callable[[MinimaRequest, Limits, Location], MinimaAnswer | ReluMinimaAnswer]]
    ways = [_certified, *([] if request.problem.objective.loss in RELU_LOSSES else [minima]), _bounded]
    attempts: list[Attempt] = []
    for way in ways:
        try:
            return way(request, limits, problem_at)
        except NotCovered as error:
            attempts += error.attempts
    with suggesting_nearest(request.problem, limits, problem_at):
        raise NotCovered(attempts)


def minima_of_any_s(request: MinimaRequest) -> float:
    """Seconds that one answer takes on one core, to within a small factor."""
    if not _may_be_relu(request.problem):
        return estimate_s(request)
    samples, inputs = size_of(request.problem.data)
    return relu_s(samples, inputs, EFFORT)


def _may_be_relu(problem: ProblemDocument) -> bool:
    """Whether a problem has the shape of what duality answers; its hypotheses decide."""
    hidden = problem.network.layers[:-1]
    return bool(hidden) and all(layer.activation in (Activation.RELU, Activation.LEAKY_RELU) for layer in hidden)


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


def _bounded(request: MinimaRequest, limits: Limits, problem_at: Location) -> ReluMinimaAnswer:
    with located(problem_at):
        mapped = problem_mapping.to_core(request.problem, limits, relu=True)
    findings = bounds_form.examined(mapped.core)
    returned = ReluReturn(problem=request.return_.problem)
    asked = ReluMinimaRequest.model_validate({"problem": request.problem, "return": returned})
    with double_precision(), finite_answer(), np.errstate(all="ignore"):
        search = BoundedSearch(mapped.core, MOST)
        with searching(request.time_limit_s):
            steps = list(search.steps(asked.tolerance))
            critical = bounds_critical(search)
        parameters, proof, cones = steps[-1]
        found = bounds_mapping.BoundedResult(parameters, proof, cones, max(0, len(steps) - 2), critical)
        head = bounds_mapping.heading(asked, mapped, search, findings)
        return bounds_mapping.to_wire(asdict(head), search, found)
