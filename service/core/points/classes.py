"""Class of a stationary point from its exact curvature and, where they apply, the theorems of its family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from service.core.curvature.hessian import (
    DENSE_LIMIT,
    dense_hessian,
    hessian_product,
    is_plain,
    largest_eigenvalue,
    least_eigenpair,
    top_eigenvalue_of,
)
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters, flatten
from service.core.losses.trained import is_frozen, trained_mask
from service.core.points.pivots import class_by_pivots, rank_share
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.vocabulary import Evidence, PointClass

ZERO_TOLERANCE = 1e-8
GAP_TOLERANCE = 1e-8
NOT_CONVERGED = "the Lanczos iteration did not converge"


@dataclass(frozen=True)
class Curvature:
    """What the exact Hessian says.

    Attributes
    ----------
    least, largest : float or None
        Least and largest eigenvalue.
    vector : (P,) array or None
        Its unit eigenvector.
    zero_tolerance : float
        Eigenvalues of smaller modulus count as zero.
    inertia : dict or None
        Numbers of positive, negative and zero eigenvalues.
    newton_decrease : float or None
        ``g' H^+ g / 2`` over the positive eigenvalues: what is left to the bottom of the bowl that the point is in.
    reasons : dict
        Why something is missing.
    """

    least: float | None
    vector: FloatArray | None
    zero_tolerance: float
    inertia: dict[str, int] | None
    newton_decrease: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    largest: float | None = None


@dataclass(frozen=True, slots=True)
class Classified:
    """A class, how it is known, and what decided."""

    point_class: PointClass
    evidence: Evidence
    because: str


def curvature_of(
    problem: Problem, parameters: DenseParameters, rounding: float = 0.0, gradient: FloatArray | None = None
) -> Curvature:
    """Exact Hessian: all eigenvalues up to 1,200 parameters, the least one by Lanczos beyond.

    Parameters
    ----------
    problem : Problem
    parameters : DenseParameters
    rounding : float
        Norm of what rounding can have changed in the Hessian.
    gradient : (P,) array, optional
        For the Newton decrease.
    """
    size = flatten(parameters).size
    if size <= DENSE_LIMIT:
        return curvature_of_matrix(
            dense_hessian(problem, parameters),
            trained_mask(problem.network, parameters),
            lambda largest: zero_tolerance(problem, parameters, largest, rounding),
            gradient,
        )
    tolerance = zero_tolerance(problem, parameters, largest_eigenvalue(problem, parameters), rounding)
    reasons = {"inertia": f"more than {DENSE_LIMIT} parameters: only the extreme eigenvalues are computed"}
    largest = top_eigenvalue_of(
        lambda vector: hessian_product(problem, parameters, vector), trained_mask(problem.network, parameters)
    )
    found = least_eigenpair(problem, parameters)
    if found is None:
        reasons["least_hessian_eigenvalue"] = NOT_CONVERGED
    if largest is None:
        reasons["sharpness"] = NOT_CONVERGED
    least, vector = (None, None) if found is None else found
    return Curvature(least, vector, tolerance, None, None, reasons, largest)


def curvature_of_matrix(
    hessian: FloatArray,
    trained: BoolArray,
    tolerance_of: Callable[[float], float],
    gradient: FloatArray | None = None,
) -> Curvature:
    """What all eigenvalues of a Hessian say.

    Parameters
    ----------
    hessian : (p, p) array
        Of what is trained.
    trained : (P,) array
        Which of all numbers these are.
    tolerance_of : callable
        Of the largest eigenvalue: within what one counts as zero.
    gradient : (P,) array, optional
        For the Newton decrease.
    """
    values, vectors = np.linalg.eigh(hessian)
    size, vector = values.size, np.zeros(trained.size)
    vector[trained] = vectors[:, 0]
    tolerance = tolerance_of(float(np.max(np.abs(values))))
    negative = int(np.count_nonzero(values < -tolerance))
    positive = int(np.count_nonzero(values > tolerance))
    inertia = {"positive": positive, "negative": negative, "zero": size - positive - negative}
    decrease = None
    if gradient is not None:
        up = values > tolerance
        along = vectors[:, up].T @ gradient[trained]
        decrease = 0.5 * float(np.sum(along * along / values[up]))
    return Curvature(float(values[0]), vector, tolerance, inertia, decrease, largest=float(values[-1]))


def zero_tolerance(problem: Problem, parameters: DenseParameters, largest: float, rounding: float = 0.0) -> float:
    """Modulus below which a Hessian eigenvalue counts as zero.

    Notes
    -----
    ``1e-8`` of the largest, and not less than what rounding leaves of entries that cancel: those are products of
    ``E[x y^T]`` with all layers but two.
    """
    norms = sorted(float(np.linalg.norm(weight)) for weight in parameters.weights)
    entries = float(np.linalg.norm(problem.data.xy)) * float(np.prod(norms[2:], initial=1.0))
    return max(ZERO_TOLERANCE * largest, 1e-12 * entries, rounding, 1e-300)


def classify(
    problem: Problem,
    parameters: DenseParameters,
    curvature: Curvature,
    loss: float,
    gap: float | None,
    unit: float = 0.0,
) -> Classified:
    """Class of a stationary point.

    Parameters
    ----------
    problem : Problem
    parameters : DenseParameters
        Stationary.
    curvature : Curvature
    loss : float
    gap : float or None
        Loss above the global minimum, where it is known.
    unit : float
        Unit roundoff of the weights where it is more than that of double precision.
    """
    if gap is not None and gap <= closed_gap(problem, loss):
        return Classified(PointClass.GLOBAL_MINIMUM, Evidence.CERTIFIED, "the loss is that of the global minimum")
    plain = is_plain(problem) and not is_frozen(problem.network)
    if plain and not np.any(problem.network.weight_decays):
        found = class_by_pivots(problem, quadratic_of(problem), list(parameters.weights), unit)
        return Classified(found, Evidence.PROVED, "ranks of the pivots of the layers (Achour et al. 2021)")
    return _by_curvature(problem, parameters, curvature, unit)


def closed_gap(problem: Problem, loss: float) -> float:
    """Gap up to which a loss is that of the global minimum: ``1e-8`` of it, and of a millionth of the targets."""
    return GAP_TOLERANCE * problem.unit(loss)


def _by_curvature(problem: Problem, parameters: DenseParameters, curvature: Curvature, unit: float) -> Classified:
    if curvature.least is None:
        return Classified(PointClass.DEGENERATE, Evidence.OBSERVED, "the least Hessian eigenvalue is not known")
    if curvature.least < -curvature.zero_tolerance:
        return Classified(PointClass.STRICT_SADDLE, Evidence.CERTIFIED, "the exact Hessian has a negative eigenvalue")
    trained = [layer.frozen_weights is None for layer in problem.network.layers]
    weights = [weight for weight, own in zip(parameters.weights, trained, strict=True) if own]
    decays = problem.network.weight_decays[trained]
    if not any(np.any(weight) for weight in weights) and np.count_nonzero(decays) >= 2 and decays.size >= 3:
        because = "two decayed layers bound the product of three or more near zero"
        return Classified(PointClass.LOCAL_MINIMUM, Evidence.PROVED, because)
    if _is_separable(problem):
        return _separable_class(problem, list(parameters.weights), unit)
    return _by_symmetry(problem, parameters, curvature, unit)


def _is_separable(problem: Problem) -> bool:
    decays = problem.network.weight_decays
    plain = is_plain(problem) and not is_frozen(problem.network)
    return plain and decays.size >= 2 and bool(np.all(decays > 0.0)) and quadratic_of(problem).white


def _separable_class(problem: Problem, weights: Sequence[FloatArray], unit: float) -> Classified:
    """Decay on white inputs, no negative curvature: a local minimum unless a lane sits on its inflection."""
    quadratic = quadratic_of(problem)
    decays = problem.network.weight_decays.copy()
    if decays.size == 2:
        because = "two layers: every local minimum is global, and no negative curvature was resolved"
        return Classified(PointClass.DEGENERATE, Evidence.OBSERVED, because)
    decays[0] /= quadratic.mean_square
    shrinkage = Shrinkage.of(decays)
    product = weights[0]
    for weight in weights[1:]:
        product = weight @ product
    singular = np.linalg.svd(quadratic.coordinates(product), compute_uv=False)
    pairs = zip(singular, quadratic.svd[1], strict=True)
    share = max(1e-9, rank_share(weights, unit)) if unit else 1e-9
    if any(value > share * singular[0] and shrinkage.at_inflection(float(target)) for value, target in pairs):
        because = "a singular value sits on the inflection of its scalar problem"
        return Classified(PointClass.NON_STRICT_SADDLE, Evidence.PROVED, because)
    because = "singular values are paired in order and each is at a minimum of its scalar problem"
    return Classified(PointClass.LOCAL_MINIMUM, Evidence.PROVED, because)


def _by_symmetry(problem: Problem, parameters: DenseParameters, curvature: Curvature, unit: float) -> Classified:
    """No negative curvature: a local minimum if the only flat directions are those of the symmetry."""
    if curvature.inertia is None:
        because = "no negative curvature; the number of flat directions is not known"
        return Classified(PointClass.DEGENERATE, Evidence.OBSERVED, because)
    flat, symmetric = curvature.inertia["zero"], symmetry_dimension(problem, parameters, unit)
    if flat <= symmetric:
        because = f"no negative curvature, and the {flat} flat directions are those of the symmetry"
        return Classified(PointClass.LOCAL_MINIMUM, Evidence.CERTIFIED, because)
    because = (
        f"no curvature below minus zero_tolerance, but {flat - symmetric} directions within it beyond the symmetry: "
        "the second order does not decide"
    )
    return Classified(PointClass.DEGENERATE, Evidence.CERTIFIED, because)


def symmetry_dimension(problem: Problem, parameters: DenseParameters, unit: float = 0.0) -> int:
    """Dimension of the orbit of a point under rotations of its noiseless hidden layers between trained ones.

    Notes
    -----
    The tangents of ``W_l -> R W_l, b_l -> R b_l, W_{l+1} -> W_{l+1} R^T`` over skew generators, by their rank.
    """
    tangents: list[FloatArray] = []
    weights, biases = parameters.weights, parameters.biases
    for layer, (own, after) in enumerate(pairwise(problem.network.layers)):
        if own.noise_variance > 0.0 or own.frozen_weights is not None or after.frozen_weights is not None:
            continue
        width = weights[layer].shape[0]
        for first in range(width):
            for second in range(first):
                skew = np.zeros((width, width))
                skew[first, second], skew[second, first] = 1.0, -1.0
                moved = [np.zeros_like(weight) for weight in weights]
                shifted = [None if bias is None else np.zeros_like(bias) for bias in biases]
                moved[layer] = skew @ weights[layer]
                moved[layer + 1] = -weights[layer + 1] @ skew
                bias = biases[layer]
                if bias is not None:
                    shifted[layer] = skew @ bias
                tangents.append(flatten(DenseParameters(tuple(moved), tuple(shifted))))
    if not tangents:
        return 0
    values = np.linalg.svd(np.array(tangents), compute_uv=False)
    share = max(1e-9, rank_share(parameters.weights, unit)) if unit else 1e-9
    return int(np.count_nonzero(values > share * max(float(values[0]), 1e-300)))
