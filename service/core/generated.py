"""Data whose least-squares map is chosen beforehand, so that problems with a known minimum can be made from a seed."""

from collections.abc import Sequence

import numpy as np

from service.core.arrays import FloatArray
from service.core.problems import Samples


def generated_samples(
    inputs: int,
    outputs: int,
    samples: int,
    conditioning: float,
    singular_values: Sequence[float],
    residual: float,
    seed: int,
) -> Samples:
    """Samples with prescribed second moments and prescribed singular values.

    Parameters
    ----------
    inputs, outputs, samples : int
        At least ``inputs + outputs`` samples.
    conditioning : float
        Condition number >= 1 of ``E[x x^T]``, whose eigenvalues fall geometrically from 1.
    singular_values : sequence of float
        Of the least-squares map where the inputs are white; at most ``min(inputs, outputs)``.
    residual : float
        Root mean square of each output that no linear map explains.
    seed : int
        Bit-identical on one machine type, elsewhere to rounding.

    Notes
    -----
    Inputs and residuals are orthogonal columns, so that the moments are exact and not estimates.
    """
    rng = np.random.default_rng(seed)
    columns = np.sqrt(samples) * _orthonormal(rng, samples, inputs + outputs)
    white, noise = columns[:, :inputs], columns[:, inputs:]
    scales = np.sqrt(np.geomspace(1.0, 1.0 / conditioning, inputs))
    count = len(singular_values)
    right, left = _orthonormal(rng, inputs, inputs)[:, :count], _orthonormal(rng, outputs, outputs)[:, :count]
    x = (white * scales) @ _orthonormal(rng, inputs, inputs).T
    y = (white @ right * np.array(singular_values)) @ left.T + residual * noise
    return Samples(x, y)


def _orthonormal(rng: np.random.Generator, rows: int, columns: int) -> FloatArray:
    """Orthonormal columns; the signs are those of a triangular factor with a positive diagonal."""
    basis, triangle = np.linalg.qr(rng.standard_normal((rows, columns)))
    signed: FloatArray = basis * np.where(np.diag(triangle) < 0.0, -1.0, 1.0)
    return signed
