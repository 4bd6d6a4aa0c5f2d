"""Parallel units decayed at their own degree, and two-layer ReLU networks as convex programmes."""

from typing import Final

from service.core.ground.problems import Problem
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import ALWAYS_CONVEX, case, follows, row, with_layer, with_widths
from service.core.landscapes.wide_conditions import DATA, HOMOGENEOUS, NSV, RELU, TWO, width_against
from service.vocabulary import Activation, Property, TheoremStatus


def _parallel_width(problem: Problem, width: int, n: int) -> bool:
    return width > n * problem.network.outputs


ONE_MORE = width_against("n + 1 neurons", "fewer than n + 1 neurons", lambda _, width, n: width >= n + 1)
PARALLEL = width_against("more than n d_y neurons", "too few neurons", _parallel_width)
_DECAYED = case((7, 1), DATA, activation=Activation.RELU, decay=0.1)
_DECAY_SETTING = (on.LINEAR_OUTPUT, on.NO_NOISE, on.NO_SKIPS, on.ALL_TRAINED, on.UNWEIGHTED, on.CONVEX_LOSS)
PARALLEL_UNITS = row(
    "R28",
    "Decayed parallel units: more than n d_y leave no bad valley",
    "For a sum of d_1 units that are positively homogeneous of the degree of their decay (two layers of ReLU, "
    "leaky ReLU or "
    "linear units with L2 on both), a local minimum with an idle unit is global; if d_1 > n d_y there is no "
    "spurious valley.",
    "Haeffele, Vidal, 2015 (arXiv 1506.07540); derived",
    TheoremStatus.PROVED,
    (
        *_DECAY_SETTING,
        on.ONE_HIDDEN,
        HOMOGENEOUS,
        on.WEIGHTS_DECAYED,
        on.BIASES_DECAYED,
        on.NO_OUTPUT_BIAS,
        PARALLEL,
    ),
    _DECAYED,
    breaks={
        HOMOGENEOUS: with_layer(_DECAYED, 0, activation=Activation.TANH),
        PARALLEL: with_widths(_DECAYED, 6),
        on.ONE_HIDDEN: with_widths(_DECAYED, 7, 7),
    },
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSV),
    caution="n d_y units are not enough; decay of degree two does not fit three layers",
)
_PILANCI = (
    *_DECAY_SETTING,
    on.ONE_HIDDEN,
    on.ONE_OUTPUT,
    RELU,
    on.WEIGHTS_DECAYED,
    on.BIASES_DECAYED,
    on.NO_OUTPUT_BIAS,
    ONE_MORE,
)
_PILANCI_BREAKS = {
    RELU: with_layer(_DECAYED, 0, activation=Activation.TANH),
    ONE_MORE: with_widths(_DECAYED, 6),
    on.ONE_HIDDEN: with_widths(_DECAYED, 7, 7),
    on.ONE_OUTPUT: case((7, 2), TWO, activation=Activation.RELU, decay=0.1),
}
CONVEX_RELU = row(
    "R29",
    "Two-layer ReLU networks as a convex programme",
    "With enough neurons, at most n + 1, min J equals a group lasso over the cones of the activation patterns "
    "of the data.",
    "Pilanci, Ergen, ICML 2020 (arXiv 2002.10553)",
    TheoremStatus.UNCONFIRMED,
    _PILANCI,
    _DECAYED,
    breaks=_PILANCI_BREAKS,
    exempt=ALWAYS_CONVEX,
    caution="a statement about values, not about local minima",
)
HIDDEN_CONVEX = row(
    "R30",
    "Stationary points are optima of subsampled convex programmes",
    "The Clarke stationary points of the two-layer ReLU network are the optima of convex programmes over "
    "subsets of the "
    "activation patterns; a wide enough network has a descending path from everywhere.",
    "Wang, Lacotte, Pilanci, 2020 (arXiv 2006.05900)",
    TheoremStatus.UNCONFIRMED,
    _PILANCI,
    _DECAYED,
    breaks=_PILANCI_BREAKS,
    exempt=ALWAYS_CONVEX,
    caution="the width it needs is not confirmed",
)
CONNECTED_OPTIMA = row(
    "R31",
    "n + 1 decayed ReLU neurons: connected sublevel sets",
    "For a two-layer ReLU network with decay and one output, the set of global minima is connected once "
    "d_1 >= n + 1. By R28 a path that does not rise leads to it from everywhere: every sublevel set is connected.",
    "Kim, Mishkin, Pilanci, ICLR 2025 (arXiv 2411.07729), with R28",
    TheoremStatus.CONFIRMED,
    _PILANCI,
    _DECAYED,
    breaks=_PILANCI_BREAKS,
    exempt=ALWAYS_CONVEX,
    conclusions=follows(Property.SUBLEVEL_SETS_CONNECTED),
    caution="n neurons are not enough",
)

THEOREMS: Final = (
    PARALLEL_UNITS,
    CONVEX_RELU,
    HIDDEN_CONVEX,
    CONNECTED_OPTIMA,
)
