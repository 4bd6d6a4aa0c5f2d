"""Paths between solutions of overparametrised networks."""

from typing import Final

from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import case, not_decidable, row, undecidable
from service.core.landscapes.wide_conditions import DATA, RELU_CASE, SMOOTH_INCREASING, TANH
from service.vocabulary import Activation, TheoremStatus

SMOOTH = on.activations("smooth activations", SMOOTH_INCREASING | {Activation.QUADRATIC})
TWO_POINTS = undecidable("two dropout-stable solutions", "the statement is about two points; a problem states none")
MINIMAL_WIDTHS = undecidable("known minimal widths of zero loss", "the least widths of zero loss are not known")
SIMSEK = row(
    "R32",
    "One extra neuron a layer joins all permuted minima",
    "If the network of least widths r has isolated minima of zero loss, unique up to permutation, one extra neuron in "
    "each layer connects all of them; wider networks have flat symmetric families of critical points.",
    "Simsek et al., ICML 2021 (arXiv 2105.12221)",
    TheoremStatus.CONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.SOME_HIDDEN, SMOOTH, MINIMAL_WIDTHS),
    TANH,
    breaks={SMOOTH: RELU_CASE, on.SOME_HIDDEN: case((1,), DATA)},
    exempt=not_decidable(MINIMAL_WIDTHS, "the least widths of zero loss are not computed"),
)
DROPOUT_STABLE = row(
    "R33",
    "Dropout-stable solutions are joined",
    "Two solutions in which half of each layer can be dropped at a cost of eps are joined by a path that rises at most "
    "eps above the higher one.",
    "Kuditipudi et al., NeurIPS 2019 (arXiv 1906.06247)",
    TheoremStatus.UNCONFIRMED,
    (*on.PLAIN, on.SOME_HIDDEN, TWO_POINTS),
    RELU_CASE,
    breaks={on.SOME_HIDDEN: case((1,), DATA)},
    exempt=not_decidable(TWO_POINTS, "a condition on two points"),
)

THEOREMS: Final = (
    SIMSEK,
    DROPOUT_STABLE,
)
