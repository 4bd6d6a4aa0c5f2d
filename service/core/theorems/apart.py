"""Sublevel sets that the sign of an output weight cuts apart."""

from typing import Final

import numpy as np

from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import PROOFS, case, excludes, row, with_layer, with_widths
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.networks.fewer_units import least_of_fewer
from service.core.landscapes.networks.trained import below
from service.core.losses.dense import DenseParameters
from service.vocabulary import Activation, Bias, Property, TheoremStatus

MONOTONE: Final = frozenset(
    {Activation.RELU, Activation.LEAKY_RELU, Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS}
)


STARTS: Final = 100
"""Descents of so few units, which miss what they need now and then."""


def _monotone(problem: Problem) -> Judgement:
    hidden = on.hidden_of(problem)
    holds = all(layer.activation in MONOTONE and (layer.slope or 0.0) >= 0.0 for layer in hidden)
    return on.judged(holds, "a hidden activation is linear or not monotone")


def _few(problem: Problem) -> Judgement:
    width = max(problem.network.hidden_widths, default=0)
    return on.judged(1 <= width <= 2, "more than two units", width=width)


def mirrored(problem: Problem) -> bool:
    """Whether a unit with all signs changed can stand for itself: tanh, or sigmoid beside an output bias."""
    kind = problem.network.layers[0].activation
    offset = problem.network.has_bias(problem.network.n_layers - 1)
    return kind is Activation.TANH or (kind is Activation.SIGMOID and offset)


def _both_signs(problem: Problem, point: DenseParameters) -> bool:
    signs = np.sign(point.weights[-1][0])
    return mirrored(problem) or bool(signs.min() < 0.0 < signs.max())


def _needed(problem: Problem) -> Judgement:
    """A network below all those with one unit less, whose units can change their signs or places."""
    if problem.samples is None:
        return on.unknown(on.SAMPLES_NEEDED)
    bound = least_of_fewer(problem)
    if bound is None:
        return on.unknown("what one unit less reaches is not known")
    found = below(problem, bound, also=lambda point: _both_signs(problem, point), starts=STARTS)
    if found is None:
        return on.unknown("no network below those with one unit less was found", bound_with_fewer=bound)
    return on.judged(True, "", bound_with_fewer=bound, loss_found=found[1])


MONOTONE_UNITS = Hypothesis("monotone activations that are not linear", _monotone)
FEW_UNITS = Hypothesis("one unit, or two", _few)
NEEDED = Hypothesis("units that are needed, of either sign", _needed)
_X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
_XOR = case((2, 1), Samples(_X, np.array([[0.0], [1.0], [1.0], [0.0]])), activation=Activation.TANH, bias=Bias.ALL)

APART = row(
    "R64",
    "Units that are needed keep their sign: sublevel sets are disconnected",
    "Below the least loss of networks with one unit less no output weight is zero, so that its sign is constant on "
    "every component. A network there with output weights of both signs has its mirror image, units exchanged, in "
    "another component; so has any network of tanh units, or of sigmoid units beside an output bias, the signs of a "
    "unit changed. Two units are needed where no plane divides small from large targets: one unit is monotone.",
    "derived",
    TheoremStatus.PROVED,
    (*on.PLAIN, on.ONE_HIDDEN, on.ONE_OUTPUT, MONOTONE_UNITS, FEW_UNITS),
    _XOR,
    breaks={
        on.ONE_HIDDEN: with_widths(_XOR, 2, 2),
        on.ONE_OUTPUT: on_data(with_layer(_XOR, 1, width=2), Samples(_X, np.hstack([_X[:, :1], 1.0 - _X[:, :1]]))),
        MONOTONE_UNITS: with_layer(_XOR, 0, activation=Activation.QUADRATIC),
        FEW_UNITS: with_widths(_XOR, 3),
    },
    conclusions=excludes(Property.SUBLEVEL_SETS_CONNECTED, provided=(NEEDED,)),
    caution="says nothing of wider networks, in which a unit can be given up",
    page=PROOFS,
)

THEOREMS: Final = (APART,)
