"""A claimed minimum against its weights: the dense second-moment recursion, and the certifier's own bounds."""

from collections.abc import Iterator

import numpy as np

from service.core.asked.verification.comparison import (
    MOST_HESSIAN,
    ClaimedAnswer,
    Comparison,
    close,
    close_arrays,
    close_maps,
    correlation_of,
    input_scales,
    kind,
    offset_rounding,
    ranks_of,
)
from service.core.curvature.dense import hessian_of
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Layer, Network
from service.core.losses.dense import DenseParameters, end_to_end, flatten
from service.core.losses.enclosed import loss_of_weights
from service.core.losses.expected import gradient_of
from service.core.losses.narrow import dense_or_narrow
from service.vocabulary import PointClass


def bounds(claim: ClaimedAnswer) -> Iterator[Comparison]:
    """The certificate's bounds and the loss, by the certifier of the claimed solver.

    A lower bound is true where it is at most one that was proved afresh.
    """
    fresh, claimed, minimum = claim.fresh, claim.certificate, claim.minimum
    slack = 2e-9 * claim.unit + claim.rounding
    proved = bool(claimed.lower_bound <= fresh.lower_bound + slack)
    yield Comparison("certificate.lower_bound", fresh.lower_bound, proved, scales_with_loss=True)
    yield close("certificate.upper_bound", claimed.upper_bound, fresh.upper_bound, slack, scales=True)
    yield close("global_minimum.loss", minimum.loss, fresh.upper_bound, slack, scales=True)
    above = bool(minimum.loss >= fresh.lower_bound - slack)
    yield Comparison("global_minimum.loss", f"{'not ' if above else ''}below the lower bound", above)
    yield kind(claimed, fresh)
    for check in fresh.checks:
        if check.name == "gradient_norm":
            # an open certificate may say so itself: then the weights are not claimed to be stationary
            agrees = check.passed or not claimed.holds
            yield Comparison("global_minimum.weights", f"gradient norm {check.value:.1e}", agrees)


def weights(claim: ClaimedAnswer, skipped: dict[str, str]) -> Iterator[Comparison]:
    """Everything that follows from the returned weights; nothing where none were returned."""
    parameters = claim.minimum.parameters
    if parameters is None:
        return
    network, dense = dense_or_narrow(claim.problem.network, parameters)
    minimum, rounding = claim.minimum, 2e-14 * claim.problem.spread + claim.rounding
    terms = claim.fresh.terms or loss_of_weights(claim.problem, network, dense, parameters).terms
    for name in ("fit", "noise", "decay"):
        claimed, found = getattr(minimum.terms, name), getattr(terms, name)
        yield close(f"global_minimum.terms.{name}", claimed, found, 1e-9 * abs(found) + rounding, scales=True)
    slack = 1e-9 * abs(terms.noise) + rounding
    yield close("global_minimum.prediction_variance", minimum.prediction_variance, terms.noise, slack, scales=False)
    product, offset = end_to_end(dense)
    singular = np.linalg.svd(product, compute_uv=False)
    length = 1e-9 * max(float(singular[0]), 1e-300)
    yield close_maps("global_minimum.end_to_end_map", minimum.end_to_end_map, product, claim.problem)
    if network.bias_layers:
        moved = 1e-9 * float(np.linalg.norm(offset)) + offset_rounding(claim.problem, product)
        yield close_arrays("global_minimum.output_offset", minimum.output_offset, offset, moved)
    yield close_arrays("global_minimum.singular_values", minimum.singular_values, singular, length)
    few, many = ranks_of(product, claim.problem)
    rank = min(max(minimum.rank, few), many)
    yield Comparison("global_minimum.rank", rank, minimum.rank == rank)
    yield Comparison("global_minimum.trivial", few == 0, minimum.trivial == (few == 0))
    gradient = gradient_of(network, claim.problem.data, dense)
    yield _balance(claim, network.layers, dense, gradient)
    if network.bias_layers:
        yield _bias_balance(claim, network, dense, gradient)
    yield from _hessian(claim, dense, skipped)


def _balance(
    claim: ClaimedAnswer, layers: tuple[Layer, ...], dense: DenseParameters, gradient: DenseParameters
) -> Comparison:
    """Every entry of the gradient against the decay part of the same entry: one wrong weight shows.

    Inputs are taken in units of their scales, so that a column of small numbers counts as much as one of large ones.
    """
    data, scales = claim.problem.data, input_scales(claim.problem)
    reach = (np.abs(end_to_end(dense)[0]) @ np.abs(data.xx)) / scales
    rounded = 64.0 * EPSILON * (np.linalg.norm(reach, axis=0) + np.linalg.norm(data.xy, axis=1) / scales)
    weights = [dense.weights[0] * scales, *dense.weights[1:]]
    slopes = [gradient.weights[0] / scales, *gradient.weights[1:]]
    small, worst = 1e-11 * correlation_of(claim.problem), 0.0
    for index, (layer, weight, slope) in enumerate(zip(layers, dense.weights, slopes, strict=True)):
        others = float(np.prod([np.linalg.norm(other) for place, other in enumerate(weights) if place != index]))
        columns = index == 0
        pull = 2.0 * layer.weight_decay * (np.abs(weight).max(axis=0) / scales if columns else np.abs(weight).max())
        floor = 1e-9 * pull + (small + (rounded if columns else np.linalg.norm(rounded))) * others
        worst = max(worst, float(np.max(np.abs(slope) / np.maximum(floor, 1e-300))))
    return Comparison("global_minimum.weights", _of_tolerance(worst), worst <= 1.0 or _as_claimed(claim, gradient))


def _as_claimed(claim: ClaimedAnswer, gradient: DenseParameters) -> bool:
    """Whether the gradient is as small as the claimed certificate says, which holds itself to its own tolerance."""
    claimed = max((check.value for check in claim.certificate.checks if check.name == "gradient_norm"), default=0.0)
    return bool(np.linalg.norm(flatten(gradient)) <= 2.0 * claimed)


def _bias_balance(
    claim: ClaimedAnswer, network: Network, dense: DenseParameters, gradient: DenseParameters
) -> Comparison:
    """The same for the biases, whose gradient is the mean error, brought back to their layer, and their decay."""
    product, offset = end_to_end(dense)
    small = 1e-11 * float(np.sqrt(claim.problem.spread)) + offset_rounding(claim.problem, product)
    small += 64.0 * EPSILON * float(np.linalg.norm(offset))
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    worst, above = 0.0, 1.0
    for decay, weight, bias, slope in reversed(
        list(zip(decays, dense.weights, dense.biases, gradient.biases, strict=True))
    ):
        if bias is not None and slope is not None:
            floor = 2e-9 * decay * float(np.max(np.abs(bias))) + small * above
            worst = max(worst, float(np.max(np.abs(slope))) / max(floor, 1e-300))
        above *= float(np.linalg.norm(weight))
    return Comparison("global_minimum.biases", _of_tolerance(worst), worst <= 1.0 or _as_claimed(claim, gradient))


def _of_tolerance(worst: float) -> str:
    return f"gradient {worst:.1e} of its tolerance"


def _hessian(claim: ClaimedAnswer, dense: DenseParameters, skipped: dict[str, str]) -> Iterator[Comparison]:
    size = sum(weight.size for weight in dense.weights) + sum(b.size for b in dense.biases if b is not None)
    same = all(
        layer.width == weight.shape[0]
        for layer, weight in zip(claim.problem.network.layers, dense.weights, strict=True)
    )
    if size > MOST_HESSIAN or not same:
        skipped["curvature at the weights"] = f"the Hessian is formed up to {MOST_HESSIAN} parameters"
        return
    hessian = hessian_of(claim.problem.network, claim.problem.data, dense)
    if not np.all(np.isfinite(hessian)):
        yield Comparison("global_minimum.weights", "their curvature leaves double precision", agrees=False)
        return
    values = np.linalg.eigvalsh(hessian)
    curved = bool(values[0] >= -1e-8 * max(float(np.abs(values).max()), 1e-300))
    classes = [point.point_class for point in claim.solution.stationary_points]
    at = "global_minimum.weights"
    if PointClass.GLOBAL_MINIMUM in classes:
        at = f"stationary_points[{classes.index(PointClass.GLOBAL_MINIMUM)}].class"
    yield Comparison(at, f"least Hessian eigenvalue {values[0]:.1e}", curved)
