"""ReLU networks that duality bounds although it does not solve them: what is asked of them, and what their decay costs.

Networks of two layers with several outputs; of more layers; and any, decayed or not, on equal inputs with different
targets.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from service.core.convex_losses.scalar import ScalarLoss
from service.core.convex_losses.softmax import SoftmaxLoss
from service.core.convex_losses.table import LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network, Problem, Samples
from service.core.ground.rules import Finding, Hypothesis, Judgement, conjunction, examine
from service.core.relu.form import column_of
from service.core.relu.networks import Objective
from service.errors import Attempt, NotCovered
from service.vocabulary import Activation, Loss

NAME: Final = "relu_bounds"


@dataclass(frozen=True, slots=True)
class BoundedForm:
    """What bounds read of a problem.

    Attributes
    ----------
    objective : Objective
        Loss, inputs and what is free; ``beta`` is what a unit of a network of two layers costs, 0 where nothing does.
    unit : float
        The core's objective over this one.
    layers : int
    rate : float
        Of a network of L layers whose weights have lengths with the product rho the decay is at least
        ``rate rho^(2/L)``; 0 where that is not so.
    """

    objective: Objective
    unit: float
    layers: int
    rate: float


def _rectified(problem: Problem) -> Judgement:
    layers = problem.network.layers
    kinds = (Activation.RELU, Activation.LEAKY_RELU)
    holds = len(layers) > 1 and all(layer.activation in kinds and (layer.slope or 0.0) < 1.0 for layer in layers[:-1])
    holds = holds and layers[-1].activation is Activation.LINEAR
    reason = "a hidden layer is not relu, nor leaky_relu with a slope below 1, or the output is not linear"
    return Judgement(holds, {"layers": len(layers)}, "" if holds else reason)


def _plain(problem: Problem) -> Judgement:
    network = problem.network
    noisy = network.input_noise_variance > 0.0 or bool((network.noise_variances > 0.0).any())
    frozen = any(layer.frozen_weights is not None for layer in network.layers)
    holds = not (noisy or frozen or network.skips)
    reason = "a layer is noisy or not trained, or there are skips"
    return Judgement(holds, {"noise": noisy, "frozen": frozen, "skips": len(network.skips)}, "" if holds else reason)


def _samples(problem: Problem) -> Judgement:
    holds = problem.samples is not None
    return Judgement(holds, {}, "" if holds else "the data are moments: a ReLU needs the samples")


def _loss(problem: Problem) -> Judgement:
    holds = problem.loss in LOSSES or problem.loss is Loss.CROSS_ENTROPY
    return Judgement(holds, {"loss": problem.loss.value}, "" if holds else f"the loss is {problem.loss.value}")


HYPOTHESES: Final = (
    Hypothesis("hidden layers of ReLU units", _rectified),
    Hypothesis("all layers trained, without noise and skips", _plain),
    Hypothesis("samples", _samples),
    Hypothesis("a convex loss", _loss),
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


def form_of(problem: Problem) -> BoundedForm:
    """What bounds read of a problem whose hypotheses hold."""
    samples, network = problem.samples, problem.network
    if samples is None:
        raise ValueError("a ReLU network needs samples")
    count, layers = len(samples.x), network.n_layers
    unit = (2.0 if problem.loss is Loss.SQUARED else 1.0) / count
    decays = network.weight_decays
    decayed = bool((decays > 0.0).all())
    loss = _loss_of(problem.loss, samples)
    last_decay = network.bias_weight_decays[-1] if network.bias_weight_decays and network.has_bias(layers - 1) else 0.0
    free = np.ones((count, int(_output_is_free(network))))
    if layers > 2:
        # biases of hidden layers are no part of the proof for more layers
        rectified = all(layer.activation is Activation.RELU for layer in network.layers[:-1])
        covered = decayed and rectified and not network.has_bias(0)
        rate = layers * float(np.exp(np.log(decays).mean())) / unit if covered else 0.0
        objective = Objective(samples.x, loss, 0.0, 0.0, free, last_decay / unit)
        return BoundedForm(objective, unit, layers, rate)
    layer, beta = network.layers[0], 2.0 * sqrt(decays[0]) * sqrt(decays[1]) / unit
    slope = layer.slope if layer.activation is Activation.LEAKY_RELU and layer.slope is not None else 0.0
    column = column_of(network, samples.x) if decayed else None
    x = samples.x if column is None else np.column_stack([samples.x, np.full(count, column.ones)])
    excess = 1.0 if column is None else column.excess
    return BoundedForm(Objective(x, loss, beta, slope, free, last_decay / unit, excess), unit, layers, 0.0)


def _output_is_free(network: Network) -> bool:
    """Whether a constant is added to the output: by its bias, or by a hidden bias that costs nothing.

    A unit with a large bias without decay and small weights is a constant that costs next to nothing.
    """
    decays = network.bias_weight_decays
    undecayed = network.has_bias(0) and not (decays and decays[0] > 0.0)
    return network.has_bias(network.n_layers - 1) or (undecayed and network.n_layers == 2)


def _loss_of(loss: Loss, samples: Samples) -> ScalarLoss:
    y: FloatArray = np.ascontiguousarray(samples.y)
    return SoftmaxLoss(y) if loss is Loss.CROSS_ENTROPY else LOSSES[loss](y, samples.loss_parameter)
