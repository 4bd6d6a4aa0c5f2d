"""One linear layer under a convex loss: a convex problem, solved by Newton steps or an interior point method.

See ``docs/theory/linear-losses.md``.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import THRESHOLDS, GlobalMinimum, Origin, Solution, StationaryPoint, Terms, Thresholds
from service.core.ground.roles import Solver
from service.core.ground.rules import Hypothesis, Judgement
from service.core.one_layer.endless import endless_weights
from service.core.one_layer.hypotheses import COMMON
from service.core.one_layer.minimum import fitted, simplest
from service.core.one_layer.parts import parts_of, samples_of
from service.core.one_layer.predicted import LayerWeights, cost_of, predicted
from service.core.one_layer.receding import recedes
from service.core.one_layer.uniqueness import UNIQUE, uniqueness_of
from service.core.reductions.objective import weighting_of
from service.vocabulary import Evidence, Loss, PointClass, PointKind, Status

NAME: Final = "convex_layer"
CONVEX: Final = "every stationary point is a global minimum: the objective is convex (proved)"
NEVER: Final = "no hidden layer: decay shrinks the map, but does not collapse it"
OF_ORIGIN: Final = ("least_hessian_eigenvalue", "barrier_height", "escape_norm")
ENDLESS: Final = "no weights attain the infimum: the loss tends to zero along multiples of the map"

RECEDES: Final = (
    "no weights attain the infimum: along some maps that cost nothing no sample's loss grows and some fall for ever"
)


def solve(problem: Problem) -> Solution:
    """Global minimum of one layer, or the infimum where a loss falls for ever."""
    endless = endless_weights(problem)
    if endless is not None:
        nothing = Terms(0.0, 0.0, 0.0)
        return _solution(_minimum(problem, endless, nothing, ENDLESS, attained=False))
    count, outputs, inputs = float(len(samples_of(problem).x)), problem.network.outputs, problem.data.inputs
    found = LayerWeights(np.zeros((outputs, inputs)), np.zeros(outputs))
    fit, decay = 0.0, 0.0
    said: list[str] = []
    for part in parts_of(problem):
        own = simplest(part, fitted(part))
        cost = cost_of(part, own, predicted(part, own))
        fit, decay = fit + cost.fit, decay + cost.decay
        rows = list(part.outputs)
        found.matrix[rows], found.biases[rows] = own.matrix, own.biases
        said.append(uniqueness_of(part, own))
    words = next((word for word in said if word != said[0]), said[0])
    attained = words == UNIQUE or not recedes(problem)
    terms = Terms(fit / count, 0.0, decay / count)
    return _solution(_minimum(problem, found, terms, words if attained else RECEDES, attained=attained))


def _minimum(
    problem: Problem, weights: LayerWeights, terms: Terms, uniqueness: str, *, attained: bool
) -> GlobalMinimum:
    values = np.asarray(np.linalg.svd(weights.matrix, compute_uv=False), dtype=np.float64)
    return GlobalMinimum(
        loss=terms.loss,
        terms=terms,
        trivial=not weights.matrix.any(),
        attained=attained,
        rank=int(np.count_nonzero(values > 1e-10 * max(float(values[0]), 1e-300))),
        end_to_end_map=weights.matrix,
        output_offset=weights.biases,
        singular_values=values,
        parameters=_parameters(problem, weights) if attained else None,
        prediction_variance=0.0,
        uniqueness=uniqueness,
    )


def _parameters(problem: Problem, weights: LayerWeights) -> Parameters:
    """Factors whose product is the matrix to the last digit: the predictions that are met stay met."""
    outputs = len(weights.matrix)
    matrix = FactoredMatrix(np.eye(outputs), np.ones(outputs), np.ascontiguousarray(weights.matrix.T))
    bias = FactoredMatrix(weights.biases[:, None], np.ones(1), np.ones((1, 1)))
    return Parameters((matrix,), (bias if problem.network.has_bias(0) else None,))


def _solution(minimum: GlobalMinimum) -> Solution:
    point_class = PointClass.GLOBAL_MINIMUM if minimum.trivial else PointClass.NOT_STATIONARY
    reasons: Mapping[str, str] = dict.fromkeys(OF_ORIGIN, "no hidden layer: the zero map is no saddle")
    norm = float(np.linalg.norm(minimum.end_to_end_map))
    point = StationaryPoint(PointKind.BRANCH, minimum.loss, PointClass.GLOBAL_MINIMUM, Evidence.CERTIFIED, norm, norm)
    return Solution(
        NAME,
        SOLVER.theorems,
        minimum,
        (point,) if minimum.attained else (),
        CONVEX,
        Thresholds.none(dict.fromkeys(THRESHOLDS, NEVER)),
        Origin(point_class, None, None, None, reasons),
    )


def _weights_of_error(problem: Problem) -> Judgement:
    """Weights that are a product over samples and outputs leave a plain network, which has closed forms."""
    weights = None if problem.samples is None else problem.samples.weights
    if problem.loss is not Loss.WEIGHTED_SQUARED or weights is None:
        return Judgement(True, {"weighted": False})
    product = weighting_of(weights) is not None
    return Judgement(not product, {"weighted": True}, "the weights are a product: a reduction removes them" * product)


OWN_WEIGHTS: Final = Hypothesis("no weights of the error that a reduction removes", _weights_of_error)


def numbers(problem: Problem) -> int:
    """Copies of the samples, and a system of equations."""
    samples, network = problem.samples, problem.network
    classes = network.outputs if problem.loss is Loss.CROSS_ENTROPY else 1
    size = min((problem.data.inputs + 1) * classes, 900)
    return (0 if samples is None else 12 * samples.x.size) + 3 * size * size


SOLVER: Final = Solver(
    name=NAME,
    theorems=("convex-layer",),
    status=Status.CERTIFIED,
    hypotheses=(*COMMON, OWN_WEIGHTS),
    solve=solve,
    numbers=numbers,
    on_samples=True,
)
