"""A model as it was found in a file."""

from dataclasses import dataclass

from service.core.ground.numbers.arrays import FloatArray
from service.vocabulary import Activation


@dataclass(frozen=True, slots=True)
class Kernel:
    """What a convolution shares between its places.

    Attributes
    ----------
    size : tuple of int
        Along each axis.
    in_channels : int
    stride : int
    places : int
        Of the feature maps that it writes.
    """

    size: tuple[int, ...]
    in_channels: int
    stride: int
    places: int


@dataclass(frozen=True, slots=True)
class FoundLayer:
    """A weight matrix and what follows it.

    Attributes
    ----------
    name : str
        In the file.
    matrix : array
        Outputs x inputs; of a convolution, channels x what one place reads.
    bias : array or None
        One entry an output, or a channel.
    activation : Activation or None
        None where the file does not say.
    slope : float or None
        Of a leaky rectifier.
    dropout : float
        Rate on its outputs.
    kernel : Kernel or None
        Of a convolution.
    """

    name: str
    matrix: FloatArray
    bias: FloatArray | None = None
    activation: Activation | None = None
    slope: float | None = None
    dropout: float = 0.0
    kernel: Kernel | None = None

    @property
    def width(self) -> int:
        """Number of outputs."""
        places = 1 if self.kernel is None else self.kernel.places
        return int(self.matrix.shape[0]) * places


@dataclass(frozen=True, slots=True)
class FoundModel:
    """Layers from the input to the output.

    Attributes
    ----------
    format : str
        Name of the format of the file.
    layers : tuple of FoundLayer
    ignored : tuple of str
        What was left out, each with the reason.
    input_dropout : float
        Rate on the inputs.
    """

    format: str
    layers: tuple[FoundLayer, ...]
    ignored: tuple[str, ...] = ()
    input_dropout: float = 0.0
