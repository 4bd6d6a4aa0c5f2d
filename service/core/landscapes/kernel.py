"""The tangent kernel of an infinitely wide ReLU layer on inputs of length one."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem

MOST_SAMPLES = 300
"""More samples are not tried: the work grows with their cube."""


def kernel_of(problem: Problem) -> float | None:
    """Least eigenvalue of ``H_ij = x_i.x_j (pi - arccos(c_ij)) / (2 pi)``, c the cosine; ``None`` beyond the limits."""
    samples = problem.samples
    if samples is None or len(samples.x) > MOST_SAMPLES:
        return None
    return problem.once("landscapes.kernel", lambda: _least_eigenvalue(samples.x))


def _least_eigenvalue(x: FloatArray) -> float:
    products = x @ x.T
    lengths = np.linalg.norm(x, axis=1)
    scale = np.maximum(np.outer(lengths, lengths), np.finfo(float).tiny)
    angles = np.arccos(np.clip(products / scale, -1.0, 1.0))
    gram = products * (np.pi - angles) / (2.0 * np.pi)
    return float(np.linalg.eigvalsh(gram)[0])
