"""No weight decay, any widths, any inputs: reduced-rank regression.

Covers a single layer with decay (ridge regression) and networks in which only some layers are decayed, whose
infimum is that of the undecayed network.  See ``docs/theory/reduced-rank.md``.
"""

from collections.abc import Iterator

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, Origin, Solution, StationaryPoint, Thresholds
from service.core.ground.roles import Solver
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.singular_values.subsets import LISTED_AT_MOST, best_subsets, count_subsets
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of, with_ridge
from service.core.several_outputs.squared_error.ranks import rank_bound
from service.core.several_outputs.weights.layers import aligned_layers, product_svd
from service.core.several_outputs.weights.minimum import global_minimum
from service.core.several_outputs.weights.origin import origin_of, origin_points
from service.vocabulary import Evidence, PointClass, PointKind, Status

TIE_TOLERANCE = 1e-10
AMPLIFIED = 1e4
"""Most that rounding of moments grows in white coordinates: the condition up to which they are decomposed plainly."""


def numerical_rank(quadratic: Quadratic) -> int:
    """Singular values of the target that rounding in the moments cannot have made.

    Notes
    -----
    Decided in white coordinates, where inputs have no units.  Rounding of ``E[y x^T]`` grows there by the condition of
    the inputs as far as they are turned against one another; scales that differ by more than `AMPLIFIED` are those
    of columns in units of their own, whose rounding has the same units and does not grow.
    """
    values = quadratic.svd[1]
    if values.size == 0 or values[0] == 0.0:
        return 0
    noise = float(np.linalg.norm(quadratic.correlation)) / float(quadratic.scales[-1])
    size = float(values[0]) * min(max(noise / float(values[0]), 1.0), AMPLIFIED)
    floor = 4 * max(quadratic.target.shape) * EPSILON * size
    return int(np.count_nonzero(values > floor))


def solve(problem: Problem) -> Solution:
    """Global minimum, all stationary points and the origin of an undecayed linear network."""
    decays = problem.network.weight_decays
    quadratic = quadratic_of(problem)
    if problem.network.n_layers == 1:
        quadratic = with_ridge(quadratic, float(decays[0]))
    bound = rank_bound(problem, quadratic)
    rank = min(bound, numerical_rank(quadratic))
    attained = problem.network.n_layers == 1 or not np.any(decays) or rank == 0
    minimum = _minimum(problem, quadratic, bound, rank, attained)
    origin = origin_of(
        problem, quadratic, rank == 0, None, "a layer without decay: the minimum is not at a finite norm"
    )
    points: list[StationaryPoint]
    if problem.network.n_layers == 1:
        points = [_single_layer_point(minimum)]
        completeness = "proved: the objective is convex, every stationary point is a global minimum"
    elif np.any(decays):
        points = origin_points(quadratic, origin)
        completeness = "complete up to points of the same value: layers with decay vanish at every stationary point"
    else:
        points, completeness = _stationary_points(problem, quadratic, bound, origin)
    return Solution(
        "reduced_rank",
        SOLVER.theorems,
        minimum,
        tuple(points),
        completeness,
        _thresholds(problem.network.n_layers, attained),
        origin,
    )


def _svd_of_subset(quadratic: Quadratic, subset: list[int]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Singular value decomposition of the map that keeps the singular directions ``subset`` of the target."""
    left, values, right = quadratic.svd
    inner = quadratic.expand(right[:, subset] / quadratic.scales[:, None])
    return product_svd(left[:, subset] * values[subset], inner)


def _minimum(problem: Problem, quadratic: Quadratic, bound: int, rank: int, attained: bool) -> GlobalMinimum:
    network = problem.network
    values = quadratic.svd[1]
    svd = _svd_of_subset(quadratic, list(range(rank)))
    left, singular, right = svd
    error = quadratic.residual + float(np.sum(values[rank:] ** 2))
    decay = 0.0
    if network.n_layers == 1:
        decay = float(network.weight_decays[0]) * float(np.sum(singular**2))
    parameters = None
    if attained:
        share = singular ** (1.0 / network.n_layers)
        product = (left * singular) @ right.T
        parameters = aligned_layers(network, left, [share] * network.n_layers, right, quadratic.offset(product))
    uniqueness = _uniqueness(problem, quadratic, bound, rank, attained)
    return global_minimum(
        problem, quadratic, svd, parameters, uniqueness, decay=decay, fit=error - decay, attained=attained
    )


def _uniqueness(problem: Problem, quadratic: Quadratic, bound: int, rank: int, attained: bool) -> str:
    values = quadratic.svd[1]
    if not attained:
        return "the infimum is approached as the layers without decay grow and the others shrink; no weights attain it"
    if bound < values.size and values[bound - 1] - values[bound] <= TIE_TOLERANCE * values[0] and rank == bound:
        return "not unique: singular values tie at the bottleneck, a continuum of end-to-end maps is optimal"
    missing = problem.data.inputs - quadratic.rank
    if missing and problem.network.weight_decays[0] == 0.0:
        return f"the end-to-end map is free on {missing} directions in which the inputs do not vary"
    if problem.network.n_layers == 1:
        return "unique"
    return "the end-to-end map is unique; the layers are free up to invertible changes of the hidden coordinates"


def _single_layer_point(minimum: GlobalMinimum) -> StationaryPoint:
    norm = float(np.linalg.norm(minimum.singular_values))
    subset = list(range(minimum.rank))
    return StationaryPoint(
        PointKind.SINGULAR_SUBSET,
        minimum.loss,
        PointClass.GLOBAL_MINIMUM,
        Evidence.PROVED,
        norm,
        norm,
        {"subset": subset},
    )


def _stationary_points(
    problem: Problem, quadratic: Quadratic, bound: int, origin: Origin
) -> tuple[list[StationaryPoint], str]:
    rank = numerical_rank(quadratic)
    gains = [float(value) ** 2 for value in quadratic.svd[1][:rank]]
    total = count_subsets(rank, bound)
    points = origin_points(quadratic, origin)
    subsets = [list(subset) for subset in best_subsets(gains, min(bound, rank))]
    for subset, singular in zip(subsets, _singular_values(quadratic, subsets), strict=True):
        points.extend(_families(problem.network.n_layers, quadratic, subset, singular, min(bound, rank)))
    listed = min(total, LISTED_AT_MOST)
    completeness = (
        f"proved: {total} stationary values, one for each choice of at most {min(bound, rank)} of {rank} singular "
        f"directions; {'all' if listed == total else f'the {listed} lowest'} are listed"
    )
    return points, completeness


def _singular_values(quadratic: Quadratic, subsets: list[list[int]]) -> list[FloatArray]:
    """Singular values of the map that keeps each subset of directions: one decomposition for all of one size."""
    _, values, right = quadratic.svd
    inner = quadratic.expand(right / quadratic.scales[:, None]) * values
    # the left factors are orthonormal, so that only this triangle counts
    triangle = np.asarray(np.linalg.qr(inner, mode="r"))
    found: list[FloatArray] = [np.zeros(0)] * len(subsets)
    for size in sorted({len(subset) for subset in subsets} - {0}):
        places = [place for place, subset in enumerate(subsets) if len(subset) == size]
        chosen: IntArray = np.array([subsets[place] for place in places], dtype=np.int_)
        columns: FloatArray = np.moveaxis(triangle[:, chosen], 1, 0)
        singular = np.linalg.svd(columns, compute_uv=False)
        for place, row in zip(places, singular, strict=True):
            found[place] = row
    return found


def _families(
    n_layers: int, quadratic: Quadratic, subset: list[int], singular: FloatArray, best: int
) -> Iterator[StationaryPoint]:
    """Families of stationary points that keep the singular directions ``subset``."""
    values = quadratic.svd[1]
    kept = float(np.sum(values[subset] ** 2))
    loss = quadratic.residual + max(float(np.sum(values**2)) - kept, 0.0)
    norm = float(np.linalg.norm(singular))
    parameter_norm = float(np.sqrt(n_layers * np.sum(singular ** (2.0 / n_layers))))
    size = len(subset)
    leading = not size or float(np.sum(values[:size] ** 2)) - kept <= TIE_TOLERANCE * kept

    def family(point_class: PointClass, pivots: str) -> StationaryPoint:
        label: dict[str, int | float | str | list[int]] = {"subset": subset, "pivots": pivots}
        return StationaryPoint(
            PointKind.SINGULAR_SUBSET, loss, point_class, Evidence.PROVED, norm, parameter_norm, label
        )

    if leading and size == best:
        yield family(PointClass.GLOBAL_MINIMUM, "any")
    elif not leading or n_layers == 2:
        if size:
            yield family(PointClass.STRICT_SADDLE, "any")
    else:
        if size:
            yield family(PointClass.NON_STRICT_SADDLE, "all tightened")
        yield family(PointClass.STRICT_SADDLE, "not all tightened")


def _thresholds(n_layers: int, attained: bool) -> Thresholds:
    if not attained:
        why = "a layer has no weight decay: scaling the others changes nothing"
    else:
        why = "no weight decay" if n_layers > 1 else "never: without hidden layers the map shrinks but does not vanish"
    noise = "never: without weight decay noise shrinks the map but does not make it vanish"
    no_noise = "no noise on hidden layers"
    reasons = {
        "critical_decay_scale": why,
        "metastable_up_to_decay_scale": why,
        "critical_noise_variance": noise if n_layers > 1 else "no hidden layer",
        "critical_noise_scale": no_noise,
        "transition_order": "there is no transition",
    }
    return Thresholds.none(reasons)


SOLVER = Solver(
    name="reduced_rank",
    theorems=("reduced-rank", "undecayed-saddles"),
    status=Status.EXACT,
    hypotheses=(*needs.COMMON, needs.NO_HIDDEN_NOISE, needs.SOME_UNDECAYED),
    solve=solve,
)
