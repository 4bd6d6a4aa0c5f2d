"""Deep linear networks: every sublevel set reaches the infimum."""

from typing import Final

from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import ALWAYS_CONVEX, PROOFS, follows, row, with_loss, with_widths
from service.core.landscapes.linear_conditions import DEEP, SQUARED_OR_FILLING
from service.vocabulary import Loss, Property, TheoremStatus

NO_VALLEYS = row(
    "R54",
    "Linear networks have no spurious valleys",
    "For squared loss at any widths, and for any convex loss without bottleneck, every component of every sublevel set "
    "of a linear network reaches the infimum, on any data. Local minima are global, so that a component holds a point "
    "below its level, and near it one with layers of full rank; from there the outer layers move the product to the "
    "best map, or its column space to the leading one, and the loss does not rise.",
    "derived; Venturi, Bandeira, Bruna, JMLR 2019 (arXiv 1802.06384) for one hidden layer",
    TheoremStatus.PROVED,
    (*on.UNREGULARISED_LINEAR, on.CONVEX_LOSS, on.OFFSET_AT_OUTPUT, SQUARED_OR_FILLING),
    with_widths(DEEP, 1, 4),
    breaks={SQUARED_OR_FILLING: with_loss(with_widths(DEEP, 1, 4), Loss.WEIGHTED_SQUARED)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(Property.NO_SPURIOUS_VALLEYS),
    caution="sublevel sets may be disconnected all the same, see R09c",
    page=PROOFS,
)

THEOREMS: Final = (NO_VALLEYS,)
