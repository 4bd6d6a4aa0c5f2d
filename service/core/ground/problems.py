"""What is asked: a network, the moments of the data, and the objective, in the core's one convention.

The core minimises ``J = E||f(x) - y||^2 + sum_l g_l ||W_l||_F^2``: the mean over samples, summed over
outputs, without a factor 1/2.  Callers' conventions are converted at the edge (`service.operations.mapping`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import numpy as np

from service.core.ground.data.conditioned import Moments
from service.core.ground.enclosures.sources import Source
from service.core.ground.extremes import Extremes
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.vocabulary import Activation, Bias, Loss, SkipKind

Kept = TypeVar("Kept")
MOST_NUMBERS: Final = 20_000_000
"""Numbers that a solver may hold at once, unless a problem says otherwise."""

__all__ = [
    "Convolution",
    "Layer",
    "Moments",
    "Network",
    "Problem",
    "Samples",
    "Skip",
    "shapes_of",
]


@dataclass(frozen=True, slots=True)
class Convolution:
    """Kernels that a layer shares between its places.

    Attributes
    ----------
    channels : int
        Feature maps that it gives, each of ``width / channels`` places in a row.
    in_channels : int
        Feature maps that it reads, laid out in the same way.
    taps : int
        Entries of a kernel for one map that it reads.
    """

    channels: int
    in_channels: int
    taps: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One weight matrix and what follows it.

    Attributes
    ----------
    width : int
        Number of outputs of the weight matrix, at least 1.
    activation : Activation
        What is applied to the outputs.
    slope : float or None
        Negative slope of a leaky ReLU.
    weight_decay : float
        Factor g_l >= 0 of ``||W_l||_F^2`` in the core's convention.
    noise_variance : float
        Variance s >= 0 of the mean-one multiplicative noise on the outputs.
    frozen_weights : (width, inputs) array or None
        The matrix of a layer that is not trained.
    frozen_rest : (width, inputs) array or None
        What rounding left of a frozen matrix that is a sum or a product of others.
    convolution : Convolution or None
        Of a layer whose matrix is made of shared kernels; only invariances and ranks know it.
    """

    width: int
    activation: Activation = Activation.LINEAR
    slope: float | None = None
    weight_decay: float = 0.0
    noise_variance: float = 0.0
    frozen_weights: FloatArray | None = None
    frozen_rest: FloatArray | None = None
    convolution: Convolution | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """A connection from the output of layer ``source`` to that of layer ``target``; 0 is the input.

    ``weight_decay`` is that of a trainable skip's own weights.
    """

    source: int
    target: int
    kind: SkipKind
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Network:
    """A feedforward network.

    Attributes
    ----------
    layers : tuple of Layer
        In order from the input; the last one is the output.
    input_noise_variance : float
        Variance of the mean-one multiplicative noise on the inputs.
    bias : Bias
        Which layers have a bias.
    bias_weight_decays : tuple of float
        Decay of the bias of each layer, in the core's convention.
    skips : tuple of Skip
    """

    layers: tuple[Layer, ...]
    input_noise_variance: float = 0.0
    bias: Bias = Bias.NONE
    bias_weight_decays: tuple[float, ...] = ()
    skips: tuple[Skip, ...] = ()

    @cached_property
    def n_layers(self) -> int:
        """Number of weight matrices."""
        return len(self.layers)

    @cached_property
    def n_hidden(self) -> int:
        """Number of hidden layers, called D in the theory."""
        return len(self.layers) - 1

    @cached_property
    def outputs(self) -> int:
        """Number of outputs k."""
        return self.layers[-1].width

    @cached_property
    def hidden_widths(self) -> tuple[int, ...]:
        """Widths d_1 .. d_D."""
        return tuple(layer.width for layer in self.layers[:-1])

    @cached_property
    def weight_decays(self) -> FloatArray:
        """Decays g_1 .. g_{D+1}, shape (n_layers,)."""
        return np.array([layer.weight_decay for layer in self.layers])

    @cached_property
    def noise_variances(self) -> FloatArray:
        """Variances s_1 .. s_D of the hidden layers, shape (n_hidden,)."""
        return np.array([layer.noise_variance for layer in self.layers[:-1]])

    def has_bias(self, index: int) -> bool:
        """Whether layer ``index`` (0-based) adds a bias vector."""
        is_output = index == self.n_layers - 1
        return self.bias is Bias.ALL or self.bias is (Bias.OUTPUT if is_output else Bias.HIDDEN)

    @cached_property
    def bias_layers(self) -> tuple[int, ...]:
        """0-based indices of the layers that have a bias."""
        return tuple(index for index in range(self.n_layers) if self.has_bias(index))


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples themselves, for what moments cannot answer.

    Attributes
    ----------
    x : (n, d) array
    y : (n, k) array
    weights : (n, k) array or None
        Positive factors of the squared errors, for the loss `weighted_squared` only.
    loss_parameter : float or None
        Delta of a Huber loss or tau of a quantile loss; None is their default.
    """

    x: FloatArray
    y: FloatArray
    weights: FloatArray | None = None
    loss_parameter: float | None = None


@dataclass(frozen=True)
class Problem:
    """A network on data under an objective.

    Attributes
    ----------
    network : Network
    moments : Moments or None
        Absent only where an analysis can speak without data.
    samples : Samples or None
    loss : Loss
    evaluation : Moments or None
        Held-out data on which every solution reports its fit as well.
    extremes : Extremes or None
        What stands between these data and those of the caller, where inputs left the range of the computation.
    sources : callable or None
        What bounds read in the place of samples, factor and moments, where those are not as they were sent: the squared
        error of the prediction, about the means for True.
    gap_floor : float or None
        Loss below which gaps are not relative to the loss, where that is not decided by these targets.
    most_numbers : int
        Numbers that a solver may hold at once; one that would hold more refuses before it makes an array.
    memo : dict
        Facts that are computed once a problem and shared, by name; see `once`.  A changed problem starts
        with none: `dataclasses.replace` makes a new one and cannot be given the old.
    """

    network: Network
    moments: Moments | None
    samples: Samples | None = None
    loss: Loss = Loss.SQUARED
    evaluation: Moments | None = None
    extremes: Extremes | None = None
    sources: Callable[[bool], Source] | None = field(default=None, repr=False, compare=False)
    gap_floor: float | None = None
    most_numbers: int = MOST_NUMBERS
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, name: str, compute: Callable[[], Kept]) -> Kept:
        """A fact of this problem, computed when it is first asked for and kept under a name that is its own."""
        if name not in self.memo:
            self.memo[name] = compute()
        return cast(Kept, self.memo[name])

    @property
    def data(self) -> Moments:
        """The moments of a problem that is known to have data."""
        if self.moments is None:
            raise ValueError("this analysis needs data")
        return self.moments

    @property
    def spread(self) -> float:
        """Mean square of the targets, about their mean where a bias makes that free."""
        return self.freed.yy

    @property
    def freed(self) -> Moments:
        """The moments about the means where a bias of the output, without decay, takes these off; else as they are."""
        network, data = self.network, self.data
        decays = network.bias_weight_decays
        free = network.has_bias(network.n_layers - 1) and not (decays and decays[-1] > 0.0)
        return data.central if free and data.x_mean is not None and data.y_mean is not None else data

    def unit(self, loss: float) -> float:
        """What gaps between losses are relative to: ``max(|loss|, 1e-6 spread)``; positive."""
        floor = 1e-6 * self.spread if self.gap_floor is None else self.gap_floor
        return max(abs(loss), floor) or 1e-300


def shapes_of(network: Network, inputs: int) -> Sequence[tuple[int, int]]:
    """Shapes (width, inputs) of the weight matrices, without skips."""
    widths = [inputs, *(layer.width for layer in network.layers)]
    return list(zip(widths[1:], widths[:-1], strict=True))
