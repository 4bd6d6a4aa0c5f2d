"""Saddles of linear networks under squared loss: which are strict."""

from typing import Final

import numpy as np

from service.core.data_facts.facts import data_facts_of
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import dependent, excludes, follows, implied_by, row
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.linear_conditions import (
    DEEP,
    DISTINCT_SPECTRUM,
    NO_MORE_OUTPUTS,
    NSM,
    SHALLOW,
    STRICT,
    with_equal_values,
)
from service.vocabulary import TheoremStatus


def _enough_samples(problem: Problem) -> Judgement:
    facts = data_facts_of(problem)
    if facts.n is None or facts.moments is None:
        return on.unknown("the number of samples is unknown")
    return on.judged(
        facts.n >= facts.moments.inputs, "fewer samples than inputs", samples=facts.n, inputs=facts.moments.inputs
    )


ENOUGH_SAMPLES = Hypothesis("at least as many samples as inputs", _enough_samples)
_ACHOUR = (
    *on.UNREGULARISED_LINEAR,
    on.SQUARED_LOSS,
    on.NO_BIAS,
    ENOUGH_SAMPLES,
    NO_MORE_OUTPUTS,
    on.FULL_ROW_RANK,
    on.FULL_RANK_XY,
    DISTINCT_SPECTRUM,
)
_ACHOUR_BREAKS = {on.FULL_ROW_RANK: dependent(SHALLOW), DISTINCT_SPECTRUM: with_equal_values(SHALLOW, 2)}
_ACHOUR_EXEMPT = {
    **implied_by(ENOUGH_SAMPLES, on.FULL_ROW_RANK),
    **implied_by(on.FULL_RANK_XY, DISTINCT_SPECTRUM),
    **implied_by(NO_MORE_OUTPUTS, DISTINCT_SPECTRUM),
}
ACHOUR = row(
    "R08",
    "Second-order classes of all critical points",
    "A critical point whose product has rank q projects the targets on q singular vectors S. S not leading: strict "
    "saddle. S leading, q = r: global minimum. S leading, q < r: non-strict saddle if and only if every pivot "
    "(i, j) has "
    "one of W_L..W_{i+1}, W_{i-1}..W_{j+1}, W_{j-1}..W_1 of rank q; else strict.",
    "Achour, Malgouyres, Gerchinovitz, JMLR 2024 (arXiv 2107.13289)",
    TheoremStatus.CONFIRMED,
    _ACHOUR,
    SHALLOW,
    breaks=_ACHOUR_BREAKS,
    exempt=_ACHOUR_EXEMPT,
    conclusions=follows(NSM),
)
ACHOUR_TWO_LAYERS = row(
    "R08b",
    "With one hidden layer every saddle is strict",
    "For one hidden layer no pivot is left, so that every critical point that is not a minimum has a direction of "
    "negative curvature.",
    "corollary of R08",
    TheoremStatus.CONFIRMED,
    (*_ACHOUR, on.ONE_HIDDEN),
    SHALLOW,
    breaks=_ACHOUR_BREAKS,
    exempt=_ACHOUR_EXEMPT,
    conclusions=follows(STRICT),
)
FLAT_ORIGIN = row(
    "R08c",
    "With two or more hidden layers the origin is a flat saddle",
    "With H >= 2 hidden layers J(theta) - J(0) = <G, W_{H+1}...W_1> + O(||theta||^{2H+2}), G the gradient with respect "
    "to a linear map at zero. If G != 0 the gradient and the Hessian vanish at the origin, and J descends at "
    "order H + 1.",
    "derived",
    TheoremStatus.PROVED,
    (*on.UNREGULARISED_LINEAR, on.NO_BIAS, on.SEVERAL_HIDDEN, on.NONZERO_PULL),
    DEEP,
    breaks={
        on.SEVERAL_HIDDEN: SHALLOW,
        on.NONZERO_PULL: on_data(DEEP, Samples(np.vstack([np.eye(3), -np.eye(3)]), np.ones((6, 2)))),
    },
    conclusions=excludes(STRICT),
    caution="gradient descent from a small start rests near the origin for long",
)

THEOREMS: Final = (
    ACHOUR,
    ACHOUR_TWO_LAYERS,
    FLAT_ORIGIN,
)
