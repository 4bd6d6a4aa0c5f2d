"""The exact Hessian of a linear network: assembled from Kronecker products, or applied without being formed.

Without hidden noise and biases every block is a Kronecker product plus a term in the residual; in general a complex
step of the gradient gives exact products.  See ``docs/theory/hessian.md``.
"""

from collections.abc import Callable

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from service.core.curvature.dense import hessian_of
from service.core.curvature.kronecker import kronecker_hessian
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of
from service.core.losses.trained import is_frozen, trained_mask

DENSE_LIMIT = 1200
"""Parameters up to which the whole Hessian is formed."""

STEP = 1e-150


def is_plain(problem: Problem) -> bool:
    """Whether the Kronecker form applies: no hidden noise and no biases."""
    return not problem.network.bias_layers and not np.any(problem.network.noise_variances)


def dense_hessian(problem: Problem, parameters: DenseParameters) -> FloatArray:
    """The exact Hessian (P, P) in all trained parameters, in the order of `service.core.losses.dense.flatten`."""
    if is_plain(problem):
        whole = kronecker_hessian(problem.network, problem.data, list(parameters.weights))
    else:
        whole = hessian_of(problem.network, problem.data, parameters)
    if not is_frozen(problem.network):
        return whole
    trained = trained_mask(problem.network, parameters)
    return whole[np.ix_(trained, trained)]


def hessian_product(problem: Problem, parameters: DenseParameters, direction: FloatArray) -> FloatArray:
    """Hessian times a flat direction (P,), by a complex step of the gradient; exact to rounding.

    Both sides are about all weights, those of frozen layers included.
    """
    scale = float(np.max(np.abs(direction), initial=0.0))
    if scale == 0.0:
        return np.zeros_like(direction)
    moved = flatten(parameters) + 1j * (STEP / scale) * direction
    gradient = gradient_of(problem.network, problem.data, unflatten(moved, parameters))
    product: FloatArray = flatten(gradient).imag * (scale / STEP)
    return product


def least_eigenpair(problem: Problem, parameters: DenseParameters) -> tuple[float, FloatArray] | None:
    """Least eigenvalue of the Hessian and its vector (P,) by Lanczos, ``None`` if that does not converge.

    Notes
    -----
    The largest eigenvalue of ``c - H`` is sought, with c above all of H: at minima the least one is a multiple zero,
    and a tolerance relative to zero would never be met.  The value is right to ``1e-11 c``.
    """
    trained = trained_mask(problem.network, parameters)
    return least_eigenpair_of(
        lambda vector: hessian_product(problem, parameters, vector), trained, largest_eigenvalue(problem, parameters)
    )


def least_eigenpair_of(
    product: Callable[[FloatArray], FloatArray], trained: BoolArray, largest: float, restarts: int = 2000
) -> tuple[float, FloatArray] | None:
    """`least_eigenpair` of a symmetric operator on (P,) vectors, restricted to what is trained.

    Parameters
    ----------
    product : callable
        The operator on a vector (P,).
    trained : (P,) array
    largest : float
        Its size, about.
    restarts : int
        Of Lanczos, some twenty products each.
    """
    places = np.flatnonzero(trained)
    size, everything = places.size, np.zeros(trained.size)
    shift = 1.1 * largest

    def placed(vector: FloatArray) -> FloatArray:
        result = everything.copy()
        result[places] = vector
        return result

    if shift == 0.0:
        return 0.0, placed(np.eye(size, 1)[:, 0])

    def shifted(vector: FloatArray) -> FloatArray:
        flat = np.ravel(vector)
        result: FloatArray = shift * flat - product(placed(flat))[places]
        return result

    operator = LinearOperator((size, size), matvec=shifted, dtype=float)
    start = np.cos(np.arange(1.0, size + 1.0))
    try:
        values, vectors = eigsh(operator, k=1, which="LA", v0=start, tol=1e-11, maxiter=restarts)
    except ArpackNoConvergence:
        return None
    return shift - float(values[0]), placed(np.asarray(vectors[:, 0]))


def top_eigenvalue_of(
    product: Callable[[FloatArray], FloatArray], trained: BoolArray, restarts: int = 300
) -> float | None:
    """Largest eigenvalue of a symmetric operator on (P,) vectors, restricted to what is trained, by Lanczos.

    `None` if that does not converge.  It is an eigenvalue to ``1e-9`` of itself, and very likely the largest.
    """
    places = np.flatnonzero(trained)

    def restricted(vector: FloatArray) -> FloatArray:
        placed = np.zeros(trained.size)
        placed[places] = np.ravel(vector)
        return np.asarray(product(placed)[places])

    operator = LinearOperator((places.size, places.size), matvec=restricted, dtype=float)
    start = np.cos(np.arange(1.0, places.size + 1.0))
    if not np.any(restricted(start)):
        return 0.0
    try:
        found = eigsh(operator, k=1, which="LA", v0=start, tol=1e-9, maxiter=restarts, return_eigenvectors=False)
    except ArpackNoConvergence:
        return None
    return float(found[0])


def largest_eigenvalue(problem: Problem, parameters: DenseParameters) -> float:
    """Size of the Hessian by a few power steps, the unit in which its eigenvalues count as zero."""
    trained = trained_mask(problem.network, parameters)
    return largest_of(lambda vector: hessian_product(problem, parameters, vector), trained)


def largest_of(product: Callable[[FloatArray], FloatArray], trained: BoolArray) -> float:
    """`largest_eigenvalue` of a symmetric operator on (P,) vectors, restricted to what is trained."""
    vector = np.cos(np.arange(1.0, trained.size + 1.0)) * trained
    size = 0.0
    for _ in range(20):
        vector = vector / np.linalg.norm(vector)
        vector = product(vector) * trained
        size = float(np.linalg.norm(vector))
        if size == 0.0:
            break
    return size
