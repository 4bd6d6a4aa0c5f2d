"""Where spurious local minima exist."""

from typing import Final

import numpy as np

from service.core.data_facts.facts import FIT_TOLERANCE, ROUNDING, data_facts_of
from service.core.ground.problems import Layer, Problem, Samples
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    case,
    follows,
    implied_by,
    not_decidable,
    row,
    samples,
    undecidable,
    with_layer,
    with_widths,
)
from service.core.landscapes.cases import on as on_data
from service.vocabulary import Activation, Bias, Property, TheoremStatus

SPURIOUS: Final = follows(Property.SPURIOUS_MINIMA_EXIST)


def _two_slopes(layer: Layer) -> bool:
    """Piecewise linear with a positive right slope, a left one that is not negative, and the two unequal."""
    if layer.activation is Activation.RELU:
        return True
    slope = layer.slope or 0.0
    return layer.activation is Activation.LEAKY_RELU and slope >= 0.0 and slope != 1.0


def _two_slope_network(problem: Problem) -> Judgement:
    hidden = on.hidden_of(problem)
    kinds = sorted({layer.activation.value for layer in hidden})
    holds = all(_two_slopes(layer) for layer in hidden)
    return on.judged(holds, "a hidden activation does not have two such slopes", activations=", ".join(kinds))


def _affine_piece(problem: Problem) -> Judgement:
    hidden = on.hidden_of(problem)
    holds = all(
        layer.activation is Activation.RELU or (layer.activation is Activation.LEAKY_RELU and layer.slope != 1.0)
        for layer in hidden
    )
    return on.judged(holds, "a hidden activation has no affine segment, or is a polynomial")


def _not_affine(problem: Problem) -> Judgement:
    facts = data_facts_of(problem)
    residual, spread = facts.affine_residual, facts.conditional_variance
    if residual is None or spread is None or facts.moments is None:
        return on.unknown(on.SAMPLES_NEEDED)
    # an affine map has a free offset, so that the mean of the targets is not a measure of a fit
    holds = residual > max(FIT_TOLERANCE * spread, ROUNDING * facts.moments.yy)
    numbers = {"residual": residual, "variance": spread, "tolerance": FIT_TOLERANCE}
    return on.judged(holds, "an affine map fits the conditional means", **numbers)


def _not_constant(problem: Problem) -> Judgement:
    facts = data_facts_of(problem)
    spread = facts.conditional_variance
    if spread is None or facts.moments is None:
        return on.unknown(on.SAMPLES_NEEDED)
    holds = spread > ROUNDING * facts.moments.yy
    return on.judged(holds, "the conditional means are constant", variance=spread, tolerance=ROUNDING)


def _wider_than_output(problem: Problem) -> Judgement:
    least, outputs = min(problem.network.hidden_widths, default=0), problem.network.outputs
    return on.judged(least > outputs, "a hidden layer is too narrow", least_hidden_width=least, outputs=outputs)


TWO_SLOPES = Hypothesis("piecewise linear activations of two slopes", _two_slope_network)
AFFINE_PIECE = Hypothesis("non-polynomial activations with an affine segment", _affine_piece)
NOT_AFFINE = Hypothesis("conditional means that are not affine", _not_affine)
NOT_CONSTANT = Hypothesis("conditional means that are not constant", _not_constant)
WIDER_THAN_OUTPUT = Hypothesis("hidden layers wider than the output", _wider_than_output)
TWO_NEURONS = on.width_at_least("two neurons in every hidden layer", "a hidden layer has one neuron", 2)
RELU = on.activations("ReLU", frozenset({Activation.RELU}))
SMOOTH = on.activations(
    "smooth non-polynomial activations", frozenset({Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS})
)
CHOSEN_TARGETS = undecidable(
    "targets in the set of bad ones", "such targets have positive measure; whether these are among them is not decided"
)
TEACHER = undecidable("a Gaussian population with an orthonormal teacher", "samples do not determine the distribution")

_DATA = samples(8, 2)
_RELU = case((3, 1), _DATA, activation=Activation.RELU, bias=Bias.ALL)
_DEEP = case((3, 3, 1), _DATA, activation=Activation.RELU, bias=Bias.ALL)
_FITTED = Samples(_DATA.x, _DATA.x @ np.array([[1.0], [-2.0]]) + 0.5)
_TWO_OUTPUTS = samples(8, 2, 2)

YUN = row(
    "R34",
    "One piecewise linear layer: spurious minima unless an affine map fits",
    "With one hidden layer of at least two units of slopes s+ > 0, s- >= 0, s+ != s-, biases, one output and distinct "
    "inputs there are infinitely many bad local minima at the loss of the best affine map, unless that is zero.",
    "Yun, Sra, Jadbabaie, ICLR 2019 (arXiv 1802.03487), Theorem 1; derived",
    TheoremStatus.PROVED,
    (
        *on.PLAIN,
        on.SQUARED_LOSS,
        on.ONE_HIDDEN,
        on.ONE_OUTPUT,
        on.ALL_BIASED,
        TWO_SLOPES,
        TWO_NEURONS,
        on.DISTINCT_INPUTS,
        NOT_AFFINE,
    ),
    _RELU,
    breaks={
        on.ONE_OUTPUT: on_data(with_layer(_RELU, 1, width=2), _TWO_OUTPUTS),
        TWO_SLOPES: with_layer(_RELU, 0, activation=Activation.TANH),
        TWO_NEURONS: with_widths(_RELU, 1),
        NOT_AFFINE: on_data(_RELU, _FITTED),
    },
    conclusions=SPURIOUS,
    caution="decay, one neuron or a perfect affine fit switch it off",
)
HE_WANG_TAO = row(
    "R35",
    "Piecewise linear networks of any depth",
    "With piecewise linear units, all hidden layers wider than the output, distinct inputs and no affine fit there are "
    "infinitely many bad minima, joined by a flat path within one cell.",
    "He, Wang, Tao, ICLR 2020 (arXiv 2003.12236)",
    TheoremStatus.UNCONFIRMED,
    (
        *on.PLAIN,
        on.SQUARED_LOSS,
        on.SOME_HIDDEN,
        on.ALL_BIASED,
        TWO_SLOPES,
        WIDER_THAN_OUTPUT,
        on.DISTINCT_INPUTS,
        NOT_AFFINE,
    ),
    _DEEP,
    breaks={
        TWO_SLOPES: with_layer(_DEEP, 0, activation=Activation.TANH),
        WIDER_THAN_OUTPUT: with_widths(_DEEP, 1, 3),
        NOT_AFFINE: on_data(_DEEP, _FITTED),
    },
    exempt=implied_by(on.SOME_HIDDEN, WIDER_THAN_OUTPUT),
    conclusions=SPURIOUS,
    caution="its condition on the slopes is not confirmed",
)
CHRISTOF = row(
    "R36",
    "An affine segment is enough: spurious minima at any depth",
    "If every hidden activation is not a polynomial but affine on a segment, hidden layers have two neurons or more, "
    "biases exist and the conditional mean is not affine, then a continuum of spurious minima has the loss of the best "
    "affine map, at any depth and width.",
    "Christof, Kowalczyk, 2022 (arXiv 2202.12262); derived",
    TheoremStatus.CONFIRMED,
    (
        *on.PLAIN,
        on.SQUARED_LOSS,
        on.SOME_HIDDEN,
        on.ONE_OUTPUT,
        on.ALL_BIASED,
        AFFINE_PIECE,
        TWO_NEURONS,
        NOT_AFFINE,
    ),
    _DEEP,
    breaks={
        on.ONE_OUTPUT: on_data(with_layer(_DEEP, 2, width=2), _TWO_OUTPUTS),
        AFFINE_PIECE: with_layer(_DEEP, 0, activation=Activation.SOFTPLUS),
        TWO_NEURONS: with_widths(_DEEP, 1, 3),
        NOT_AFFINE: on_data(_DEEP, _FITTED),
    },
    exempt=implied_by(on.SOME_HIDDEN, TWO_NEURONS),
    conclusions=SPURIOUS,
    caution="used for squared loss only: for separable labels a best affine map may not exist",
)
DING_LI_SUN = row(
    "R37",
    "Smooth activations: bad minima for many targets, at any width",
    "For almost every smooth activation and generic inputs there is a set of targets of positive measure with "
    "bad local "
    "minima, however wide the network.",
    "Ding, Li, Sun, Math. Oper. Res. 2022 (arXiv 1911.01413)",
    TheoremStatus.CONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.SOME_HIDDEN, SMOOTH, TWO_NEURONS, CHOSEN_TARGETS),
    case((8, 1), _DATA, activation=Activation.TANH),
    breaks={
        SMOOTH: case((8, 1), _DATA, activation=Activation.RELU),
        TWO_NEURONS: case((1, 1), _DATA, activation=Activation.TANH),
    },
    exempt={
        **not_decidable(CHOSEN_TARGETS, "only a witness decides for given targets"),
        **implied_by(on.SOME_HIDDEN, TWO_NEURONS),
    },
    conclusions=SPURIOUS,
    caution="for given targets it decides nothing",
)
SAFRAN_SHAMIR = row(
    "R38",
    "Orthonormal ReLU teachers: spurious minima of the population loss",
    "For Gaussian inputs, an orthonormal teacher of k ReLU units, 6 <= k <= 20, and a student of k units with output "
    "weights one there are spurious minima (computer assisted).",
    "Safran, Shamir, ICML 2018 (arXiv 1712.08968)",
    TheoremStatus.UNCONFIRMED,
    (on.LINEAR_OUTPUT, on.NO_DECAY, on.NO_NOISE, on.NO_SKIPS, on.SQUARED_LOSS, on.ONE_HIDDEN, RELU, TEACHER),
    case((8, 1), _DATA, activation=Activation.RELU),
    breaks={RELU: case((8, 1), _DATA, activation=Activation.TANH)},
    exempt=not_decidable(TEACHER, "data are finite"),
    conclusions=SPURIOUS,
    caution="not for finite data, not for trained output weights",
)
DEAD_UNITS = row(
    "R39",
    "Dead ReLU units: a bad local minimum",
    "If biases silence every unit of the last hidden layer on all samples, the output is its bias; at the mean of the "
    "targets this is a local minimum, and a bad one unless the conditional mean is constant.",
    "derived",
    TheoremStatus.PROVED,
    (*on.PLAIN, on.SQUARED_LOSS, on.SOME_HIDDEN, RELU, on.ALL_BIASED, NOT_CONSTANT),
    _RELU,
    breaks={
        on.SOME_HIDDEN: case((1,), _DATA, bias=Bias.OUTPUT),
        RELU: with_layer(_RELU, 0, activation=Activation.TANH),
        NOT_CONSTANT: on_data(_RELU, Samples(_DATA.x, np.ones((8, 1)))),
    },
    conclusions=SPURIOUS,
    caution="under weight decay the dead network is not even stationary",
)

THEOREMS: Final = (YUN, HE_WANG_TAO, CHRISTOF, DING_LI_SUN, SAFRAN_SHAMIR, DEAD_UNITS)
