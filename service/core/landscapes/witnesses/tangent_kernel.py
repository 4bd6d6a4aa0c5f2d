"""Gradient descent of a wide ReLU layer with fixed signs, at the rate of its kernel.

With output weights ``+-s`` the errors of the m neurons follow ``s^2 m H(w)``, whose expectation over Gaussian
weights is ``s^2 m H``: while the least eigenvalue stays above half of ``lam0``, the squared error shrinks by
``1 - eta lam0 s^2 m / n`` a step of size eta on the mean squared error.
"""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.landscapes.kernel import kernel_of
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.losses.dense import DenseParameters

_DRAWS = 8
_SHARE = 0.75
"""Share of the limit's least eigenvalue that a start must keep."""

_MOST_WORK = 50_000_000


def contracting(problem: Problem) -> Construction | None:
    """Gaussian input weights whose kernel is close enough to its limit; ``None`` if the layer is too narrow."""
    samples, network = problem.samples, problem.network
    frozen = network.layers[-1].frozen_weights
    least = kernel_of(problem)
    if samples is None or frozen is None or least is None:
        return None
    width, inputs = network.hidden_widths[0], samples.x.shape[1]
    if width * samples.x.size > _MOST_WORK:
        return None
    strength = float(frozen[0, 0] ** 2) * width
    rng = np.random.default_rng(0)
    for _ in range(_DRAWS):
        weight = rng.normal(size=(width, inputs))
        gram = _gram(samples.x, weight)
        values = np.linalg.eigvalsh(gram)
        if values[0] >= _SHARE * least:
            # a step of 1/(2 lambda_max) of the quadratic that the linearised network minimises
            step = len(samples.x) / (4.0 * strength * float(values[-1]))
            start = DenseParameters.without_biases((weight, frozen))
            title = "Gaussian weights, from which gradient descent keeps the rate of the kernel"
            return Construction("W13", title, "R49", WitnessClaim.LINEAR_CONVERGENCE, start, step=step)
    return None


def _gram(x: FloatArray, weight: FloatArray) -> FloatArray:
    """``x_i.x_j`` times the share of neurons active on both."""
    active = (x @ weight.T > 0.0).astype(np.float64)
    gram: FloatArray = (x @ x.T) * (active @ active.T) / len(weight)
    return gram
