"""The point where all weights vanish, for any linear network with several outputs and without hidden noise.

See ``docs/theory/origin-several-outputs.md``.
"""

import numpy as np

from service.core.arrays import FloatArray
from service.core.linear.quadratic import Quadratic
from service.core.results import Origin, StationaryPoint
from service.vocabulary import Evidence, PointClass, PointKind


def least_eigenvalue_at_zero(decays: FloatArray, correlation_norm: float) -> float:
    """Least eigenvalue of the Hessian at zero weights, two or more layers.

    Notes
    -----
    With two layers the Hessian is the pairing of the layers by ``E[x y^T]`` plus the decay; with more it is the
    decay alone.  Noise does not enter, since it acts on products of four weights or more.
    """
    if decays.size > 2:
        return 2.0 * float(np.min(decays))
    first, last = float(decays[0]), float(decays[1])
    return (first + last) - float(np.hypot(first - last, 2.0 * correlation_norm))


def class_of_zero(decays: FloatArray, correlation_norm: float, trivial: bool) -> PointClass:
    """Class of zero weights, two or more layers; ``trivial`` tells whether they are a global minimiser."""
    if trivial:
        return PointClass.GLOBAL_MINIMUM
    if decays.size == 2:
        negative = float(np.sqrt(decays[0] * decays[1])) < correlation_norm
        return PointClass.STRICT_SADDLE if negative else PointClass.DEGENERATE
    if np.count_nonzero(decays) >= 2:
        # J - J(0) >= sum g ||W||^2 - 2 ||E[xy]|| prod ||W_l||: two decayed factors dominate three or more small ones
        return PointClass.LOCAL_MINIMUM
    return PointClass.NON_STRICT_SADDLE


def escape_norm(decays: FloatArray, correlation_norm: float) -> float:
    """Radius of the ball of parameters that gradient flow leads to zero; 0 where zero is a saddle."""
    layers = decays.size
    if layers == 2 or not np.all(decays > 0.0) or correlation_norm == 0.0:
        return 0.0
    ratio = float(np.min(decays)) / correlation_norm
    return float(np.sqrt(layers) * ratio ** (1.0 / (layers - 2)))


def origin_of(
    quadratic: Quadratic,
    decays: FloatArray,
    trivial: bool,
    barrier: float | None,
    barrier_reason: str = "",
) -> Origin:
    """Assemble the description of zero weights of a network with two or more layers.

    Parameters
    ----------
    quadratic : Quadratic
    decays : (n_layers,) array
    trivial : bool
        Whether zero is a global minimiser.
    barrier : float or None
        Height of the barrier where zero is a local minimum that is not global; used only there.
    barrier_reason : str
        Why ``barrier`` is ``None``.
    """
    norm = quadratic.correlation_norm
    point_class = class_of_zero(decays, norm, trivial)
    reasons: dict[str, str] = {}
    height: float | None = 0.0
    if point_class is PointClass.LOCAL_MINIMUM:
        height = barrier
        if barrier is None:
            reasons["barrier_height"] = barrier_reason
    radius: float | None = escape_norm(decays, norm)
    if norm == 0.0 and np.all(decays > 0.0):
        radius = None
        reasons["escape_norm"] = "every start flows to the origin: the inputs and the targets are uncorrelated"
    elif trivial and decays.size == 2 and np.all(decays > 0.0):
        radius = None
        reasons["escape_norm"] = "no radius is proved for two layers whose global minimum is the origin"
    return Origin(point_class, least_eigenvalue_at_zero(decays, norm), height, radius, reasons)


def single_layer_origin(quadratic: Quadratic, decay: float) -> Origin:
    """Zero weights of a network without hidden layers: stationary only if nothing is correlated."""
    least = 2.0 * float(quadratic.scales[-1] ** 2) if quadratic.rank else 0.0
    if quadratic.basis is not None and quadratic.basis.shape[1] < quadratic.basis.shape[0]:
        least = 2.0 * decay
    stationary = quadratic.correlation_norm == 0.0
    reasons = {} if stationary else {"escape_norm": "the origin is not a stationary point"}
    point_class = PointClass.GLOBAL_MINIMUM if stationary else PointClass.NOT_STATIONARY
    return Origin(point_class, least, 0.0, None if reasons else 0.0, reasons)


def origin_point(quadratic: Quadratic, origin: Origin) -> StationaryPoint:
    """Zero weights as an entry of the list of stationary points."""
    return StationaryPoint(PointKind.ORIGIN, quadratic.total, origin.point_class, Evidence.PROVED, 0.0, 0.0)
