"""A claimed minimum against its weights: the dense second-moment recursion, and the certifier's own bounds."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from service.core.arrays import FloatArray
from service.core.catalogue import SOLVERS
from service.core.losses import DenseParameters, end_to_end, gradient_of, hessian_of, terms_of
from service.core.problems import Layer
from service.core.scalar.narrow import dense_or_narrow
from service.core.verification.comparison import MOST_HESSIAN, ClaimedAnswer, Comparison, close, close_arrays


def bounds(claim: ClaimedAnswer) -> Iterator[Comparison]:
    """The certificate's bounds and the loss, by the certifier of the claimed solver."""
    certifier = next((row[1] for row in SOLVERS if row[0].name == claim.solution.solver), None)
    if certifier is None:
        yield Comparison("solver", claim.solution.solver, "a solver of this engine", agrees=False)
        return
    fresh = certifier(claim.problem, claim.solution)
    slack = 2e-9 * claim.unit + 8.0 * fresh.rounding_allowance
    claimed = claim.certificate
    yield close("certificate.lower_bound", claimed.lower_bound, fresh.lower_bound, slack, scales=True)
    yield close("certificate.upper_bound", claimed.upper_bound, fresh.upper_bound, slack, scales=True)
    yield close("global_minimum.loss", claim.minimum.loss, fresh.upper_bound, slack, scales=True)
    above = claim.minimum.loss >= fresh.lower_bound - slack
    word = "not below the lower bound" if above else "below the lower bound"
    yield Comparison("global_minimum.loss", "a minimum", word, bool(above))
    for check in fresh.checks:
        if check.name == "gradient_norm":
            yield Comparison("global_minimum.weights", "stationary", f"gradient norm {check.value:.1e}", check.passed)


def weights(claim: ClaimedAnswer, skipped: dict[str, str]) -> Iterator[Comparison]:
    """Everything that follows from the returned weights; nothing where none were returned."""
    parameters = claim.minimum.parameters
    if parameters is None:
        return
    network, dense = dense_or_narrow(claim.problem.network, parameters)
    minimum, rounding = claim.minimum, 2e-14 * claim.problem.data.yy + 8.0 * claim.certificate.rounding_allowance
    terms = terms_of(network, claim.problem.data, dense)
    pairs = ((name, getattr(minimum.terms, name), getattr(terms, name)) for name in ("fit", "noise", "decay"))
    for name, claimed, recomputed in pairs:
        yield close(f"global_minimum.terms.{name}", claimed, recomputed, 1e-9 * abs(claimed) + rounding, scales=True)
    claimed, slack = minimum.prediction_variance, 1e-9 * minimum.prediction_variance + rounding
    yield close("global_minimum.prediction_variance", claimed, terms.noise, slack, scales=False)
    product, offset = end_to_end(dense)
    singular = np.linalg.svd(product, compute_uv=False)
    length = 1e-9 * max(float(singular[0]), 1e-300)
    yield close_arrays("global_minimum.end_to_end_map", minimum.end_to_end_map, product, length)
    yield close_arrays("global_minimum.output_offset", minimum.output_offset, offset, length + 1e-12)
    yield close_arrays("global_minimum.singular_values", minimum.singular_values, singular, length)
    rank = int(np.count_nonzero(singular > 1e-10 * max(float(singular[0]), 1e-300)))
    yield Comparison("global_minimum.rank", minimum.rank, rank, minimum.rank == rank)
    yield Comparison("global_minimum.trivial", str(minimum.trivial), str(rank == 0), minimum.trivial == (rank == 0))
    yield _balance(claim, network.layers, dense)
    yield from _hessian(claim, dense, skipped)


def _balance(claim: ClaimedAnswer, network_layers: tuple[Layer, ...], dense: DenseParameters) -> Comparison:
    """Every entry of the gradient against the decay part of the same entry: one wrong weight shows."""
    network = replace(claim.problem.network, layers=network_layers)
    gradient = gradient_of(network, claim.problem.data, dense)
    worst = 0.0
    for layer, weight, slope in zip(network_layers, dense.weights, gradient.weights, strict=True):
        pull = 2.0 * layer.weight_decay * float(np.max(np.abs(weight)))
        floor = 1e-9 * pull + 1e-11 * float(np.linalg.norm(claim.problem.data.xy)) * _product_norm(dense, weight)
        worst = max(worst, float(np.max(np.abs(slope))) / max(floor, 1e-300))
    return Comparison("global_minimum.weights", "stationary", f"{worst:.1e} of the tolerance", worst <= 1.0)


def _product_norm(dense: DenseParameters, but: FloatArray) -> float:
    """Size of what multiplies a layer: the product of the norms of the others."""
    norms = [float(np.linalg.norm(weight)) for weight in dense.weights if weight is not but]
    return float(np.prod(norms)) if norms else 1.0


def _hessian(claim: ClaimedAnswer, dense: DenseParameters, skipped: dict[str, str]) -> Iterator[Comparison]:
    size = sum(weight.size for weight in dense.weights) + sum(b.size for b in dense.biases if b is not None)
    same = all(
        layer.width == weight.shape[0]
        for layer, weight in zip(claim.problem.network.layers, dense.weights, strict=True)
    )
    if size > MOST_HESSIAN or not same:
        skipped["class of the minimum"] = f"the Hessian is formed up to {MOST_HESSIAN} parameters"
        return
    values = np.linalg.eigvalsh(hessian_of(claim.problem.network, claim.problem.data, dense))
    curved = float(values[0]) >= -1e-8 * max(float(np.abs(values).max()), 1e-300)
    word = f"least Hessian eigenvalue {values[0]:.1e}"
    yield Comparison("stationary_points[class=global_minimum].class", "global_minimum", word, bool(curved))
