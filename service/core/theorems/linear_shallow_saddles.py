"""One hidden linear layer under squared loss: saddles are strict on any data."""

from typing import Final

from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import PROOFS, dependent, follows, row
from service.core.landscapes.linear_conditions import DEEP, SHALLOW
from service.vocabulary import Property, TheoremStatus

ALL_STRICT = row(
    "R55",
    "One hidden linear layer: every saddle is strict on any data",
    "For x -> A B x + c under squared loss let G be the gradient with respect to A B at a critical point. If G = 0 it "
    "is a global minimum. If A or B X lacks rank, a product of two changes against G has negative curvature. Otherwise "
    "the columns of A span eigenvectors of Y P Y', P the projector on the rows of X, and turning one of them to a "
    "larger eigenvalue has negative curvature. Inputs may be dependent and eigenvalues equal.",
    "derived",
    TheoremStatus.PROVED,
    (*on.UNREGULARISED_LINEAR, on.SQUARED_LOSS, on.OFFSET_AT_OUTPUT, on.ONE_HIDDEN),
    dependent(SHALLOW),
    breaks={on.ONE_HIDDEN: DEEP},
    conclusions=follows(Property.ALL_SADDLES_STRICT),
    caution="with two hidden layers the origin is a saddle without curvature, see R08c",
    page=PROOFS,
)

THEOREMS: Final = (ALL_STRICT,)
