"""Data whose least-squares map is chosen beforehand, so that problems with a known minimum can be made from a seed."""

from collections.abc import Sequence

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.bracketed import bracketed_root
from service.core.ground.numbers.twofold import added, exactly, product
from service.core.ground.problems import Samples
from service.core.several_outputs.singular_values.shrinkage import Shrinkage


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


def singular_values_for(rank: int, gap: float, n_layers: int, weight_decay: float) -> tuple[float, ...]:
    """Singular values of a target whose global minimum has a given rank and next critical value, on white inputs.

    Parameters
    ----------
    rank : int
    gap : float
        Loss between the minimum and the next critical value; positive.
    n_layers : int
    weight_decay : float
        Of every layer; with a decay at least two layers.

    Returns
    -------
    (rank,) tuple
        Descending, a quarter apart.

    Notes
    -----
    The cheapest change of the minimum switches its weakest direction off.  Without decay that costs the square of its
    singular value; with decay ``y^2 - h(s(y); y)``, which grows from 0 at the threshold.  See
    ``docs/theory/factorisation.md``.
    """
    weakest = float(np.sqrt(gap))
    if weight_decay > 0.0:
        shrinkage = Shrinkage.of(np.full(n_layers, weight_decay))

        def excess(target: float) -> float:
            root = shrinkage.stable_root(target)
            return -gap if root is None else target**2 - root.value - gap

        low = shrinkage.global_threshold * (1.0 + 1e-9)
        # keeping a direction costs at most its decay beside the perfect fit
        high = low + weakest
        while excess(high) < 0.0:
            high *= 2.0
        weakest = bracketed_root(excess, low, high, rounding=0.0) if excess(low) < 0.0 else low
    return tuple(weakest * 1.25**power for power in range(rank - 1, -1, -1))


def fit_on_samples(samples: Samples, weights: Sequence[FloatArray]) -> float:
    """Mean squared error of a linear network on samples, right to its own size however small it is.

    Parameters
    ----------
    samples : Samples
    weights : sequence of (width, inputs) arrays
        From the inputs to the outputs, without biases.

    Notes
    -----
    Residuals are formed in twice the working precision, so that what is left of a nearly perfect fit is that of these
    weights and not of the rounding of the predictions; then a sum of squares.
    """
    reached = exactly(samples.x)
    for weight in weights:
        reached = added(product(reached.high, weight.T), product(reached.low, weight.T))
    residual = added(reached, exactly(-samples.y)).rounded()
    return float(np.sum(residual * residual)) / len(samples.x)


def _orthonormal(rng: np.random.Generator, rows: int, columns: int) -> FloatArray:
    """Orthonormal columns; the signs are those of a triangular factor with a positive diagonal."""
    basis, triangle = np.linalg.qr(rng.standard_normal((rows, columns)))
    signed: FloatArray = basis * np.where(np.diag(triangle) < 0.0, -1.0, 1.0)
    return signed
