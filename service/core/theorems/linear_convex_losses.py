"""Linear networks under any convex loss: no hidden layer, or none narrower than input and output."""

from typing import Final

from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import ALWAYS_CONVEX, case, follows, row, samples, with_loss, with_widths
from service.core.landscapes.linear_conditions import (
    ATTAINED,
    CONNECTED,
    DEEP,
    NSM,
    SQUARED_OR_FILLING,
    STRICT,
)
from service.vocabulary import Loss, TheoremStatus

_ONE_LAYER = case((1,), samples(9, 3))
CONVEX = row(
    "R00",
    "No hidden layer: the objective is convex",
    "J(W) = E l(W x + b, y) + g ||W||^2 is convex, so every stationary point is a global minimum and every sublevel "
    "set {J <= c} is convex.",
    "elementary",
    TheoremStatus.PROVED,
    (on.NO_HIDDEN, on.CONVEX_LOSS, on.LINEAR_OUTPUT, on.NO_SKIPS, on.ALL_TRAINED),
    _ONE_LAYER,
    breaks={on.NO_HIDDEN: case((3, 1), samples(9, 3))},
    exempt=ALWAYS_CONVEX,
    conclusions=(*follows(NSM, STRICT, CONNECTED), *follows(ATTAINED, provided=(on.SQUARED_LOSS,))),
)
LAURENT_BRECHT = row(
    "R04",
    "Linear networks without bottleneck under any convex loss",
    "If every hidden layer is at least as wide as the input or as the output, then at every local minimum of "
    "E l(W_L...W_1 x, y) the gradient with respect to the product vanishes; for convex l it is global.",
    "Laurent, von Brecht, ICML 2018 (arXiv 1712.01473)",
    TheoremStatus.CONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.CONVEX_LOSS, on.OFFSET_AT_OUTPUT, on.NO_BOTTLENECK),
    DEEP,
    breaks={on.NO_BOTTLENECK: with_widths(DEEP, 1, 4)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSM),
    caution="convex losses that are not differentiable can have bad minima; vacuous where the infimum is not attained",
)
TRAGER = row(
    "R09",
    "Pure and spurious critical points",
    "For a smooth convex loss of the product: without bottleneck every local minimum is global; with one this holds "
    "for squared loss, and other convex losses have bad minima for some data.",
    "Trager, Kohn, Bruna, ICLR 2020 (arXiv 1910.01671)",
    TheoremStatus.CONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.CONVEX_LOSS, on.NO_BIAS, SQUARED_OR_FILLING),
    DEEP,
    breaks={SQUARED_OR_FILLING: with_loss(with_widths(DEEP, 1, 1), Loss.WEIGHTED_SQUARED)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSM),
    caution="weighted squared loss is weighted low-rank approximation: not covered at a bottleneck",
)

THEOREMS: Final = (
    CONVEX,
    LAURENT_BRECHT,
    TRAGER,
)
