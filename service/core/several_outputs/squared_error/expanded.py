"""The diagonal quadratic below a squared error, as a squared error in coordinates where the inputs are white."""

import numpy as np

from service.core.ground.enclosures.expansion import ExpandedError
from service.core.ground.enclosures.sources import UNIT
from service.core.several_outputs.squared_error.quadratic import Quadratic


def quadratic_of_expansion(expansion: ExpandedError, cost: float) -> Quadratic:
    """The quadratic along directions of certain curvature; numbers are rounded so that it stays below.

    Parameters
    ----------
    expansion : ExpandedError
    cost : float
        What the other directions can take off.
    """
    known = np.flatnonzero(expansion.known)
    known = known[np.argsort(-expansion.values[known], kind="stable")]
    target = expansion.response[:, known]
    residual = expansion.rest - cost
    return Quadratic(
        basis=expansion.basis[:, known],
        scales=np.sqrt(expansion.values[known]) * (1.0 - 4.0 * UNIT),
        target=target,
        residual=residual,
        total=residual + float(np.sum(target * target)) * (1.0 - 8.0 * UNIT),
        x_mean=None,
        y_mean=None,
        rank_tolerance=0.0,
    )
