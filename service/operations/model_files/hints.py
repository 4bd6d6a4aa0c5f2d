"""What a file of weights leaves out and its sender may add."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from service.vocabulary import Activation

Layout: TypeAlias = Literal["auto", "outputs_first", "inputs_first"]
"""Which side of a matrix its rows are: outputs as in PyTorch, or inputs as in Keras and scikit-learn."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the sender adds.

    Attributes
    ----------
    layout : str
        ``auto`` goes by names and shapes.
    activation : Activation or None
        After every hidden layer, where the file names none; None: linear.
    order : tuple of str
        Names of the layers from the input to the output, where the file does not keep their order.
    """

    layout: Layout = "auto"
    activation: Activation | None = None
    order: tuple[str, ...] = ()
