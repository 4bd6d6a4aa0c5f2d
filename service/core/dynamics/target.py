"""The known minimum that optimisers are measured against."""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Minima


@dataclass(frozen=True, slots=True)
class Target:
    """What a race needs to know of the solution, in the core's convention.

    Attributes
    ----------
    floor : float
        Global minimum of the loss.
    unit : float
        What distances to it are divided by: ``max(|floor|, 1e-6 yy)``.
    zero_loss : float
        Loss of the zero map.
    trivial : bool
        Whether the zero map is the minimum.
    layer_norms : (layers,) array
        Spectral norms of the balanced minimiser.
    parameter_norm : float
        Norm of all its weights.
    escape_norm : float or None
        Every start with a smaller norm of all weights flows to the origin.
    escape_reason : str
        Why there is no such norm.
    """

    floor: float
    unit: float
    zero_loss: float
    trivial: bool
    layer_norms: FloatArray
    parameter_norm: float
    escape_norm: float | None
    escape_reason: str

    def relative_gap(self, losses: FloatArray) -> FloatArray:
        """Distance of losses (any shape) to the minimum, in units of gaps."""
        gap: FloatArray = (losses - self.floor) / self.unit
        return gap


def target_of(problem: Problem, found: Minima) -> Target:
    """Read a solution.

    Raises
    ------
    ValueError
        If the infimum is not attained: there is then nothing to converge to.
    """
    minimum, origin = found.solution.minimum, found.solution.origin
    if minimum.parameters is None:
        raise ValueError("no weights attain the infimum")
    norms = [float(np.max(np.abs(weight.values), initial=0.0)) for weight in minimum.parameters.weights]
    squares = sum(float(np.sum(weight.values**2)) for weight in minimum.parameters.weights)
    return Target(
        floor=minimum.loss,
        unit=problem.unit(minimum.loss),
        zero_loss=problem.data.yy,
        trivial=minimum.trivial,
        layer_norms=np.array(norms),
        parameter_norm=float(np.sqrt(squares)),
        escape_norm=origin.escape_norm,
        escape_reason=origin.reasons.get("escape_norm", ""),
    )
