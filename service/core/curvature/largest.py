"""The largest eigenvalue of a symmetric operator that is known by its products: what bounds a step of descent."""

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from service.core.ground.numbers.arrays import BoolArray, FloatArray

RESTARTS: Final = 100
TOLERANCE: Final = 1e-10
NO_CONVERGENCE: Final = "the Lanczos iteration did not converge"


def largest_by_products(
    product: Callable[[FloatArray], FloatArray], trained: BoolArray, restarts: int = RESTARTS
) -> float | None:
    """Largest eigenvalue of the operator restricted to what is trained, ``None`` if Lanczos does not converge.

    Parameters
    ----------
    product : callable
        The operator on a vector (P,).
    trained : (P,) array
        At least two.
    restarts : int
        Of Lanczos, some twenty products each.

    Notes
    -----
    Never above the largest eigenvalue; that a random start has no share in its eigenvector is possible, and unlikely.
    """
    places = np.flatnonzero(trained)

    def restricted(vector: FloatArray) -> FloatArray:
        whole = np.zeros(trained.size)
        whole[places] = np.ravel(vector)
        turned: FloatArray = product(whole)[places]
        return turned

    operator = LinearOperator((places.size, places.size), matvec=restricted, dtype=np.float64)
    start = np.cos(np.arange(1.0, places.size + 1.0))
    if not np.any(restricted(start)):
        return 0.0
    try:
        values = eigsh(operator, k=1, which="LA", v0=start, tol=TOLERANCE, maxiter=restarts, return_eigenvectors=False)
    except ArpackError:
        return None
    return float(values[0])
