"""Decayed weights with biases that are not: the minimum is attained all the same."""

from itertools import pairwise
from typing import Final

import numpy as np

from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import PROOFS, case, follows, labelled, row, with_layer, with_network
from service.core.landscapes.cases import on as on_data
from service.vocabulary import Activation, Bias, Loss, Property, TheoremStatus

SETTLING: Final = frozenset(
    {Activation.LINEAR, Activation.RELU, Activation.LEAKY_RELU, Activation.TANH, Activation.SIGMOID}
)
"""Activations that are exactly affine far out, or level off to a constant."""


def _handed_on(problem: Problem) -> Judgement:
    """Whether every hidden bias without decay has such a bias behind it."""
    network = problem.network
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    free = [network.has_bias(index) and decays[index] == 0.0 for index in range(network.n_layers)]
    holds = all(after or not before for before, after in pairwise(free))
    reason = "a hidden bias without decay grows, and the bias behind it does not take over"
    return on.judged(holds, reason, free_biases=sum(free))


def _bounded_constant(problem: Problem) -> Judgement:
    """Whether the loss keeps the output bias bounded."""
    network = problem.network
    decays = network.bias_weight_decays
    free = network.has_bias(network.n_layers - 1) and not (decays and decays[-1] > 0.0)
    if not free or problem.loss in (Loss.SQUARED, Loss.WEIGHTED_SQUARED):
        return on.judged(True, "", loss=problem.loss.value)
    if problem.samples is None:
        return on.unknown(on.SAMPLES_NEEDED, loss=problem.loss.value)
    y = problem.samples.y
    if problem.loss is Loss.CROSS_ENTROPY:
        occurs = bool((y.sum(axis=0) > 0.0).all())
    else:
        occurs = bool(((y > 0.0).any(axis=0) & (y < 0.0).any(axis=0)).all())
    return on.judged(occurs, "a label does not occur: the output bias grows without end", loss=problem.loss.value)


SETTLED = on.activations("activations that are affine or constant far out", SETTLING)
HANDED_ON = Hypothesis("free hidden biases with a free bias behind each", _handed_on)
BOUNDED_CONSTANT = Hypothesis("a loss that bounds the output bias", _bounded_constant)
_LABELS = labelled(8)
_FREE = case((3, 3, 1), _LABELS, activation=Activation.RELU, decay=0.1, bias=Bias.ALL, loss=Loss.LOGISTIC)

FREE = row(
    "R58",
    "Decay on the weights alone: a minimum exists",
    "If every weight matrix is decayed, weights are bounded where J is, and biases without decay can be bounded at no "
    "cost: a piecewise linear unit that is active, or silent, on all samples passes what its bias exceeds on to the "
    "next bias; a tanh or sigmoid unit whose bias grows tends to a constant, which the next bias replaces. The output "
    "bias is bounded by squared loss, or by labels that all occur.",
    "derived",
    TheoremStatus.PROVED,
    (
        on.LINEAR_OUTPUT,
        on.NO_NOISE,
        on.NO_SKIPS,
        on.ALL_TRAINED,
        on.WEIGHTS_DECAYED,
        SETTLED,
        HANDED_ON,
        BOUNDED_CONSTANT,
    ),
    _FREE,
    breaks={
        SETTLED: with_layer(_FREE, 0, activation=Activation.SOFTPLUS),
        HANDED_ON: with_network(_FREE, bias=Bias.HIDDEN),
        BOUNDED_CONSTANT: on_data(_FREE, Samples(_LABELS.x, np.ones((8, 1)))),
    },
    conclusions=follows(Property.MINIMUM_ATTAINED),
    caution="a descent may still leave every bounded set: units that level off approach their limit and never reach it",
    page=PROOFS,
)

THEOREMS: Final = (FREE,)
