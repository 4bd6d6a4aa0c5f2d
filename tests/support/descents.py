"""One descent of a smooth objective: what solvers are compared with."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from service.core.ground.numbers.arrays import FloatArray


def descended(
    objective: Callable[[FloatArray], tuple[float, FloatArray]], start: FloatArray, iterations: int = 3000
) -> tuple[float, FloatArray]:
    """The value that one L-BFGS run reaches from ``start`` (P,), and where; the objective gives its gradient, too."""
    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxfun": 2 * iterations, "ftol": 1e-16, "gtol": 1e-11, "maxcor": 20},
    )
    return float(found.fun), np.asarray(found.x)
