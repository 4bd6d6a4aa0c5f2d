"""What a witness is: a point or path of the caller's own network with the claim that it shows."""

from dataclasses import dataclass
from enum import StrEnum

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Samples
from service.core.losses.dense import DenseParameters
from service.vocabulary import PointClass


class WitnessClaim(StrEnum):
    """What is to be verified."""

    SPURIOUS_MINIMUM = "spurious local minimum"
    NON_STRICT_SADDLE = "saddle without negative curvature"
    STRICT_SADDLE = "strict saddle with its escape"
    DESCENT_TO_INFINITY = "decreasing path to infinity"
    NON_INCREASING_PATH = "non-increasing path to the infimum"
    MOVED_AWAY = "spurious local minimum that an added exponential neuron moves to infinity"
    CLASSIFIED_POINTS = "critical points with their classes"
    GLOBAL_MINIMUM = "global minimum with its dual bound"
    LINEAR_CONVERGENCE = "gradient descent that contracts at the rate of the kernel"


@dataclass(frozen=True, slots=True)
class Construction:
    """A witness before it is verified.

    Attributes
    ----------
    id : str
    title : str
    rule : str
        Id of the theorem that it illustrates.
    claim : WitnessClaim
    point : DenseParameters
    better : DenseParameters or None
        A point of smaller loss, for a spurious minimum.
    path : tuple of DenseParameters
        Corners of a polygon that starts at the point, or the points that are classified.
    classes : tuple of PointClass
        Of each point of ``path``, where they are classified.
    samples : Samples or None
        The caller's inputs with other targets, where the claim is about those.
    exponent : (d,) array or None
        Input weights w of an added neuron ``a exp(w.x + b)``.
    step : float or None
        Step size of gradient descent.
    """

    id: str
    title: str
    rule: str
    claim: WitnessClaim
    point: DenseParameters
    better: DenseParameters | None = None
    path: tuple[DenseParameters, ...] = ()
    classes: tuple[PointClass, ...] = ()
    samples: Samples | None = None
    exponent: FloatArray | None = None
    step: float | None = None
