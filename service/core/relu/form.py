"""A two-layer ReLU network as the objective in which only products of weights count, and back.

With decays g_1 and g_2 a unit costs ``g_1 |u|^2 + g_2 a^2 >= 2 sqrt(g_1 g_2) |a| |u|``, with equality where the two are
balanced, which every unit can be without a change of its output.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from service.core.convex_losses.table import LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network, Problem, Samples
from service.core.ground.rules import Finding, Hypothesis, Judgement, conjunction, examine
from service.core.relu.networks import HiddenUnits, Objective
from service.errors import Attempt, NotCovered
from service.vocabulary import Activation, Loss, SkipKind

NAME: Final = "relu_duality"
_NEXT_TO_NOTHING: Final = 1e-12
_FREE_BIAS: Final = 2_000.0
"""Length of the column of a bias without decay over that of the longest sample; its inverse squared is lost."""


@dataclass(frozen=True, slots=True)
class GivenWeights:
    """Weights as an answer has them.

    Attributes
    ----------
    first : (m, d) array
    second : (1, m) array
    hidden_bias : (m,) array
    offset : float
    skip : (d,) array
    """

    first: FloatArray
    second: FloatArray
    hidden_bias: FloatArray
    offset: float
    skip: FloatArray


@dataclass(frozen=True, slots=True)
class ReluForm:
    """The objective, and what leads back to the network.

    Attributes
    ----------
    objective : Objective
    unit : float
        The core's objective over this one.
    decays : (float, float)
        g_1 and g_2.
    ones : float or None
        Entry of the column that stands for the bias of the units.
    output_bias, skip : bool
        What the free columns are: first ones, then the inputs.
    inputs : int
    by_limit : bool
        Whether a constant is added to the output by a unit with a large hidden bias without decay and small weights,
        since the output has no bias of its own: no weights attain the infimum then.
    """

    objective: Objective
    unit: float
    decays: tuple[float, float]
    ones: float | None
    output_bias: bool
    skip: bool
    inputs: int
    by_limit: bool = False

    @property
    def decay_per_beta(self) -> float:
        """``sqrt(g_1 g_2) / beta``: what turns a critical beta into a decay."""
        return sqrt(self.decays[0] * self.decays[1]) / self.objective.beta

    def weights(self, units: HiddenUnits) -> tuple[FloatArray, FloatArray, FloatArray | None, float | None]:
        """Weights of both layers (m, d) and (1, m), and biases (m,) and a number where there are any."""
        lengths = np.sqrt(units.lengths)
        ratio = (self.decays[1] / self.decays[0]) ** 0.25
        first = ratio * units.w / np.where(lengths > 0.0, lengths, 1.0)[:, None]
        second = (units.signs * lengths / ratio)[None]
        bias = None if self.ones is None else self.ones * first[:, -1]
        offset = float(units.free[0]) if self.output_bias or self.by_limit else None
        first = first[:, : self.inputs]
        if not self.by_limit or bias is None:
            return first, second, bias, offset
        if not offset:
            return first, second, bias, None
        # the constant as a unit whose decay is next to nothing beside the loss
        least = _NEXT_TO_NOTHING * self.objective.value(units) * self.unit
        large = abs(offset) * sqrt(self.decays[1] / max(least, 1e-280))
        first, second = np.concatenate([first, np.zeros((1, self.inputs))]), np.append(second, offset / large)[None]
        return first, second, np.append(bias, large), None

    def given(self, units: HiddenUnits) -> GivenWeights:
        """The same with zeros for what is absent."""
        first, second, hidden, offset = self.weights(units)
        skip = self.skip_weights(units)
        return GivenWeights(
            first,
            second,
            np.zeros(len(first)) if hidden is None else hidden,
            0.0 if offset is None else offset,
            np.zeros(self.inputs) if skip is None else skip[0],
        )

    def skip_weights(self, units: HiddenUnits) -> FloatArray | None:
        """Weights (1, d) of the linear skip, if there is one."""
        return units.free[-self.inputs :][None] if self.skip else None


def _two_layers(problem: Problem) -> Judgement:
    count = problem.network.n_layers
    return Judgement(count == 2, {"layers": count}, "" if count == 2 else f"the network has {count} layers, not 2")


def _activation(problem: Problem) -> Judgement:
    first, last = problem.network.layers[0], problem.network.layers[-1]
    slope = first.slope if first.activation is Activation.LEAKY_RELU else 0.0
    kinked = first.activation in (Activation.RELU, Activation.LEAKY_RELU) and slope is not None and slope < 1.0
    holds = kinked and last.activation is Activation.LINEAR
    reason = "the hidden layer is not relu, nor leaky_relu with a slope below 1, or the output is not linear"
    return Judgement(holds, {"activation": first.activation.value, "slope": slope or 0.0}, "" if holds else reason)


def _decayed(problem: Problem) -> Judgement:
    decays = problem.network.weight_decays
    holds = bool((decays > 0.0).all())
    return Judgement(holds, {"least_decay": float(decays.min())}, "" if holds else "a layer has no weight decay")


def _one_output(problem: Problem) -> Judgement:
    outputs = problem.network.outputs
    return Judgement(outputs == 1, {"outputs": outputs}, "" if outputs == 1 else f"the network has {outputs} outputs")


def _plain(problem: Problem) -> Judgement:
    network = problem.network
    noisy = network.input_noise_variance > 0.0 or bool((network.noise_variances > 0.0).any())
    frozen = any(layer.frozen_weights is not None for layer in network.layers)
    holds = not (noisy or frozen)
    return Judgement(holds, {"noise": noisy, "frozen": frozen}, "" if holds else "a layer is noisy or not trained")


def _skips(problem: Problem) -> Judgement:
    skips = problem.network.skips
    linear = all(
        (skip.source, skip.target, skip.kind, skip.weight_decay) == (0, 2, SkipKind.TRAINABLE, 0.0) for skip in skips
    )
    holds = linear and len(skips) <= 1
    reason = "a skip is not trainable, is decayed, or does not lead from the inputs to the output"
    return Judgement(holds, {"skips": len(skips)}, "" if holds else reason)


def _samples(problem: Problem) -> Judgement:
    holds = problem.samples is not None
    return Judgement(holds, {}, "" if holds else "the data are moments: a ReLU needs the samples")


def _loss(problem: Problem) -> Judgement:
    holds = problem.loss in LOSSES
    return Judgement(holds, {"loss": problem.loss.value}, "" if holds else f"the loss is {problem.loss.value}")


HYPOTHESES: Final = (
    Hypothesis("two layers", _two_layers),
    Hypothesis("a hidden layer of ReLU units", _activation),
    Hypothesis("one output", _one_output),
    Hypothesis("decay on both layers", _decayed),
    Hypothesis("all layers trained, without noise", _plain),
    Hypothesis("no skip but an undecayed linear one", _skips),
    Hypothesis("samples", _samples),
    Hypothesis("a convex loss of one output", _loss),
)


def examined(problem: Problem) -> tuple[Finding, ...]:
    """The hypotheses, with what decided them.

    Raises
    ------
    NotCovered
        Naming those that fail.
    """
    findings = examine(HYPOTHESES, problem)
    if conjunction(findings) is not True:
        failed = {finding.name: finding.judgement.reason for finding in findings if finding.judgement.holds is not True}
        raise NotCovered([Attempt(NAME, failed)])
    return findings


def form_of(problem: Problem, parameter: float | None = None) -> ReluForm:
    """The objective of a problem whose hypotheses hold; ``parameter`` is that of the loss."""
    samples = problem.samples
    if samples is None:
        raise ValueError("a ReLU network needs samples")
    network = problem.network
    g1, g2 = (float(decay) for decay in network.weight_decays)
    count = len(samples.x)
    unit = (2.0 if problem.loss is Loss.SQUARED else 1.0) / count
    x, column = samples.x, column_of(network, samples.x)
    ones, excess = (None, 1.0) if column is None else (column.ones, column.excess)
    if column is not None:
        x = np.column_stack([x, np.full(count, column.ones)])
    output_bias, skip = network.has_bias(1), bool(network.skips)
    by_limit = column is not None and column.excess > 1.0 and not output_bias
    free = np.concatenate(
        [np.ones((count, int(output_bias or by_limit))), samples.x if skip else np.zeros((count, 0))], axis=1
    )
    ridge = network.bias_weight_decays[1] / unit if output_bias and network.bias_weight_decays else 0.0
    if ridge > 0.0 and skip:
        raise NotCovered(
            [Attempt(NAME, {"no skip but an undecayed linear one": "a skip beside a decayed output bias"})]
        )
    layer = network.layers[0]
    slope = layer.slope if layer.activation is Activation.LEAKY_RELU and layer.slope is not None else 0.0
    loss = LOSSES[problem.loss](_targets(samples), parameter)
    objective = Objective(x, loss, 2.0 * sqrt(g1) * sqrt(g2) / unit, slope, free, ridge, excess)
    return ReluForm(objective, unit, (g1, g2), ones, output_bias, skip, samples.x.shape[1], by_limit)


@dataclass(frozen=True, slots=True)
class BiasColumn:
    """The column of inputs that stands for the bias of the units.

    Attributes
    ----------
    ones : float
        Its entries.
    excess : float
        As in `Objective`.
    """

    ones: float
    excess: float


def column_of(network: Network, x: FloatArray) -> BiasColumn | None:
    """The column for inputs (n, d); None for a network without a bias of its units."""
    if not network.has_bias(0):
        return None
    decay = network.bias_weight_decays[0] if network.bias_weight_decays else 0.0
    if decay > 0.0:
        return BiasColumn(sqrt(network.layers[0].weight_decay / decay), 1.0)
    # beyond the length of the longest sample a bias only adds what the free output bias does: up to there it costs as
    # good as nothing where the column is that much longer still
    longest = float(np.sqrt(np.square(x).sum(axis=1)).max()) or 1.0
    return BiasColumn(_FREE_BIAS * longest, sqrt(1.0 + _FREE_BIAS**-2))


def _targets(samples: Samples) -> FloatArray:
    return np.ascontiguousarray(samples.y[:, 0])
