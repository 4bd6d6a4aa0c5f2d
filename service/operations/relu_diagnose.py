"""The verdict on weights of a two-layer ReLU network, for a diagnosis."""

from typing import Final

import numpy as np

from service.core.losses.dense import DenseParameters
from service.core.relu.form import examined, form_of
from service.core.relu.given.verdict import judged
from service.errors import NotCovered
from service.operations.guards import SEARCHED, searching
from service.operations.mapping.problem import MappedProblem
from service.operations.mapping.relu import parameter_of
from service.operations.mapping.relu_verdict import NO_VERDICT, PointVerdict, given_weights
from service.schemas.diagnose import DiagnoseRequest
from service.settings import Limits
from service.vocabulary import Activation

PER_CONE_S: Final = 2e-4
"""Seconds of a core for each cone of the effort after which a verdict ends, training included."""
SEED: Final = 0


def verdict_of(request: DiagnoseRequest, mapped: MappedProblem, point: DenseParameters, limits: Limits) -> PointVerdict:
    """Judge a point against networks of any width, where duality answers for its network."""
    network = mapped.core.network
    if network.n_layers != 2 or network.layers[0].activation not in (Activation.RELU, Activation.LEAKY_RELU):
        return NO_VERDICT
    try:
        examined(mapped.core)
        form = form_of(mapped.core, parameter_of(request.problem))
    except NotCovered as error:
        failed = [reason for attempt in error.attempts for reason in attempt.failed.values()]
        return PointVerdict(reason="; ".join(failed))
    allowed = request.time_limit_s or limits.max_seconds
    seconds = min(allowed, PER_CONE_S * request.effort / SEARCHED)
    try:
        with np.errstate(all="ignore"), searching(seconds):
            weights = given_weights(point, form)
            decays = network.bias_weight_decays
            found = judged(form, weights, decays, request.tolerance, request.effort, SEED)
    except (ArithmeticError, np.linalg.LinAlgError):
        return PointVerdict(reason="the search for a bound left the range of double precision")
    if not np.isfinite([found.given.value, found.dual.bound, found.best.value, found.gap]).all():
        return PointVerdict(reason="the search for a bound left the range of double precision")
    return PointVerdict(found, form)
