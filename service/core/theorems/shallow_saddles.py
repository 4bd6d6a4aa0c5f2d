"""One hidden layer of piecewise linear units and one output: saddles off the kinks are strict."""

from typing import Final

from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    ALWAYS_CONVEX,
    PROOFS,
    case,
    follows,
    row,
    samples,
    with_layer,
    with_widths,
)
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.wide_conditions import HOMOGENEOUS
from service.vocabulary import Activation, Bias, Property, TheoremStatus

_RELU = case((3, 1), samples(8, 2), activation=Activation.RELU, bias=Bias.ALL)

STRICT = row(
    "R66",
    "One layer of piecewise linear units and one output: every saddle off the kinks is strict",
    "Where no pre-activation is zero the outputs are linear in the products v_j (w_j, b_j) nearby. At a critical point "
    "let G_j be the gradient with respect to such a product. v_j != 0 leaves G_j = 0; v_j = 0 with G_j != 0 is a "
    "direction of negative curvature, (w_j, b_j) changed by much against G_j and v_j by little; if all G_j vanish the "
    "point is a local minimum, because the loss is convex in the products.",
    "derived",
    TheoremStatus.PROVED,
    (*on.PLAIN, on.CONVEX_LOSS, on.ONE_HIDDEN, on.ONE_OUTPUT, HOMOGENEOUS),
    _RELU,
    breaks={
        on.ONE_HIDDEN: with_widths(_RELU, 3, 3),
        on.ONE_OUTPUT: on_data(with_layer(_RELU, 1, width=2), samples(8, 2, 2)),
        HOMOGENEOUS: with_layer(_RELU, 0, activation=Activation.TANH),
    },
    exempt=ALWAYS_CONVEX,
    conclusions=follows(Property.ALL_SADDLES_STRICT),
    caution="about points at which J is twice differentiable; at kinks curvature is not defined",
    page=PROOFS,
)

THEOREMS: Final = (STRICT,)
