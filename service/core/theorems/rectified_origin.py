"""Two decayed layers of rectified units: what the origin is, and where every unit is switched off."""

from typing import Final

import numpy as np

from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Fact, Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    ALWAYS_CONVEX,
    case,
    follows,
    row,
    with_decay,
    with_layer,
    with_loss,
    with_widths,
)
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.rectified_pull import rectified_pull
from service.core.landscapes.wide_conditions import DATA
from service.vocabulary import Activation, Loss, Property, TheoremStatus


def _kept(problem: Problem) -> Judgement:
    pull = rectified_pull(problem)
    if pull is None:
        return on.unknown("without samples the pull on a unit is unknown")
    numbers: dict[str, Fact] = {"threshold": pull.threshold, "pull": pull.value, "pull_bound": pull.bound}
    if pull.bound <= pull.threshold:
        return on.judged(True, "", **numbers)
    if pull.value > pull.threshold:
        return on.judged(False, "the decay is below the threshold", **numbers)
    return on.unknown("the pull on a unit is not known closely enough", **numbers)


RECTIFIED = on.activations("hidden activation relu or leaky_relu", frozenset({Activation.RELU, Activation.LEAKY_RELU}))
KEPT = Hypothesis("decay above the pull on every unit", _kept)
_STRONG = case((4, 1), DATA, activation=Activation.RELU, decay=50.0)
_SILENT = Samples(DATA.x, np.zeros_like(DATA.y))
_WEIGHED = Samples(DATA.x, DATA.y, np.ones_like(DATA.y))
RECTIFIED_ORIGIN = row(
    "R14c",
    "Two decayed layers of rectified units: when the origin is the minimum",
    "Without biases the origin is the global minimum if max |sum_i e_i phi(x_i.u)| over |u| = 1 is at most "
    "2 sqrt(g_1 g_2), e the slopes of the loss at zero; otherwise a unit along the maximiser descends from it with "
    "negative curvature.",
    "derived (docs/theory/relu-networks.md, critical decay)",
    TheoremStatus.PROVED,
    (
        on.LINEAR_OUTPUT,
        on.NO_NOISE,
        on.NO_SKIPS,
        on.ALL_TRAINED,
        on.UNWEIGHTED,
        on.CONVEX_LOSS,
        on.ONE_HIDDEN,
        RECTIFIED,
        on.NO_BIAS,
        on.WEIGHTS_DECAYED,
        KEPT,
    ),
    _STRONG,
    breaks={
        RECTIFIED: with_layer(_STRONG, 0, activation=Activation.TANH),
        on.ONE_HIDDEN: with_widths(_STRONG, 4, 4),
        KEPT: with_decay(_STRONG, 1e-3),
        # nothing pulls where all targets are zero
        on.WEIGHTS_DECAYED: with_layer(on_data(_STRONG, _SILENT), 0, weight_decay=0.0),
        on.UNWEIGHTED: with_loss(on_data(_STRONG, _WEIGHED), Loss.WEIGHTED_SQUARED),
    },
    exempt=ALWAYS_CONVEX,
    conclusions=follows(Property.MINIMUM_ATTAINED),
    caution="with biases the best network without units is not the origin",
)

THEOREMS: Final = (RECTIFIED_ORIGIN,)
