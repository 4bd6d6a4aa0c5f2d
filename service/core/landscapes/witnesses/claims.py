"""What a witness is: a point or path of the caller's own network with the claim that it shows."""

from dataclasses import dataclass
from enum import StrEnum

from service.core.losses import DenseParameters


class Claim(StrEnum):
    """What is to be verified."""

    SPURIOUS_MINIMUM = "spurious local minimum"
    NON_STRICT_SADDLE = "saddle without negative curvature"
    STRICT_SADDLE = "strict saddle with its escape"
    DESCENT_TO_INFINITY = "decreasing path to infinity"
    NON_INCREASING_PATH = "non-increasing path to the infimum"


@dataclass(frozen=True, slots=True)
class Construction:
    """A witness before it is verified.

    Attributes
    ----------
    id : str
    title : str
    rule : str
        Id of the theorem that it illustrates.
    claim : Claim
    point : DenseParameters
    better : DenseParameters or None
        A point of smaller loss, for a spurious minimum.
    path : tuple of DenseParameters
        Corners of a polygon that starts at the point.
    """

    id: str
    title: str
    rule: str
    claim: Claim
    point: DenseParameters
    better: DenseParameters | None = None
    path: tuple[DenseParameters, ...] = ()
