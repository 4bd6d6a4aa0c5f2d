"""A network whose units are all silent gives a constant: which one is at rest, and its errors."""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.losses.nonlinear import data_loss
from service.vocabulary import Activation, Loss

CORRELATED: Final = 1e-9
"""Correlation of errors and inputs, over the largest that their sizes allow, from which it is not rounding."""


def silent_output(problem: Problem, samples: Samples) -> FloatArray | None:
    """The output (k,) of a silent network that is at rest: zero, or the best constant.

    None where no constant is best: a class, or a label, does not occur, or the weights of the errors are not known.
    """
    y = samples.y
    if problem.loss is Loss.WEIGHTED_SQUARED and samples.weights is None:
        return None
    if not problem.network.has_bias(problem.network.n_layers - 1):
        return np.zeros(y.shape[1])
    mean: FloatArray = np.average(y, axis=0, weights=_weights(problem, samples))
    if problem.loss in (Loss.SQUARED, Loss.WEIGHTED_SQUARED):
        return mean
    if problem.loss is Loss.CROSS_ENTROPY:
        return np.asarray(np.log(mean)) if (mean > 0.0).all() else None
    if not (np.abs(mean) < 1.0).all():
        return None
    odds: FloatArray = np.log1p(mean) - np.log1p(-mean)
    return odds if problem.loss is Loss.LOGISTIC else 0.5 * odds


def silent_errors(problem: Problem, output: FloatArray, samples: Samples) -> FloatArray:
    """Derivatives (n, k) of the loss of each sample by the output, at a constant output (k,)."""
    constant = np.broadcast_to(output, samples.y.shape)
    return len(samples.x) * data_loss(problem.loss, constant, samples.y, samples.weights)[1]


def _weights(problem: Problem, samples: Samples) -> FloatArray:
    """Weights (n, k) of the squared errors; ones under any other loss."""
    if problem.loss is not Loss.WEIGHTED_SQUARED or samples.weights is None:
        return np.ones(samples.y.shape)
    return samples.weights


def _silent_below_zero(problem: Problem) -> Judgement:
    hidden = on.hidden_of(problem)
    holds = all(
        layer.activation is Activation.RELU or (layer.activation is Activation.LEAKY_RELU and layer.slope == 0.0)
        for layer in hidden
    )
    kinds = ", ".join(sorted({layer.activation.value for layer in hidden}))
    return on.judged(holds, "a hidden activation is not zero to the left of zero", activations=kinds)


def _no_input_skips(problem: Problem) -> Judgement:
    count = sum(skip.source == 0 for skip in problem.network.skips)
    return on.judged(count == 0, "a skip leads on from the inputs past units that could be silent", input_skips=count)


NO_INPUT_SKIPS = Hypothesis("no skip from the inputs", _no_input_skips)
SILENT_BELOW_ZERO = Hypothesis("activations that are zero to the left of zero", _silent_below_zero)
