"""Inputs of a decayed network that were brought into range, which changes the problem a little."""

from dataclasses import dataclass

from service.core.ground.numbers.arrays import BoolArray, FloatArray


@dataclass(frozen=True)
class Extremes:
    """How the data of a problem differ from those that its caller sent.

    Attributes
    ----------
    lowered : (d,) array of bool
        Inputs that are measured in larger units than they were sent in; their weights decay more than the caller's.
    absent : (d,) array
        Root mean squares, as they were sent, of inputs that are zero here; 0 for all others.
    """

    lowered: BoolArray
    absent: FloatArray
