"""Critical points behind a layer as wide as the samples: what is claimed of them, and what was refuted."""

from itertools import pairwise
from typing import Final

from service.core.data_facts.facts import data_facts_of
from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    implied_by,
    not_decidable,
    not_expressible,
    row,
    undecidable,
    unsaid,
    with_widths,
)
from service.core.landscapes.wide_conditions import ANALYTIC, LAST_WIDE, RELU_CASE, TANH
from service.vocabulary import Activation, TheoremStatus


def _wide_then_narrowing(problem: Problem) -> Judgement:
    n = data_facts_of(problem).n
    if n is None:
        return on.unknown("the number of samples is unknown")
    widths = [layer.width for layer in problem.network.layers]
    holds = any(
        widths[start] >= n - 1 and all(one >= other for one, other in pairwise(widths[start + 1 :]))
        for start in range(len(widths) - 1)
    )
    return on.judged(holds, "no layer of n - 1 neurons with non-increasing widths behind it", samples=n)


SIGMOIDAL = on.activations("sigmoid or tanh activation", frozenset({Activation.SIGMOID, Activation.TANH}))
WIDE_NARROWING = Hypothesis("a layer of n - 1 neurons, then no growing widths", _wide_then_narrowing)
AT_A_POINT = undecidable("a posted point", "the statement is about one point; a problem states none")
CONVOLUTIONAL = unsaid("a convolutional network", "networks here are dense")
YU_CHEN = row(
    "R18",
    "As many sigmoids as samples: claimed to have no spurious minima",
    "Claimed: a network with one hidden layer of n sigmoids has no spurious local minima. Refuted by R37.",
    "Yu, Chen, IEEE Trans. Neural Networks 6 (1995)",
    TheoremStatus.SUPERSEDED,
    (*on.PLAIN, on.SQUARED_LOSS, on.ONE_HIDDEN, SIGMOIDAL, LAST_WIDE),
    TANH,
    breaks={SIGMOIDAL: RELU_CASE, LAST_WIDE: with_widths(TANH, 5)},
    caution="widely cited, and false",
)
NGUYEN_HEIN = row(
    "R19",
    "Critical points of full rank behind a wide layer",
    "Behind a layer of n - 1 neurons with non-increasing widths, a critical point with W_{k+2}..W_L of full "
    "column rank "
    "and a non-degenerate Hessian there has zero loss.",
    "Nguyen, Hein, ICML 2017 (arXiv 1704.08045)",
    TheoremStatus.UNCONFIRMED,
    (
        *on.PLAIN,
        on.SQUARED_LOSS,
        on.SOME_HIDDEN,
        ANALYTIC,
        on.ALL_BIASED,
        on.DISTINCT_INPUTS,
        WIDE_NARROWING,
        AT_A_POINT,
    ),
    TANH,
    breaks={ANALYTIC: RELU_CASE, WIDE_NARROWING: with_widths(TANH, 4)},
    exempt={**not_decidable(AT_A_POINT, "a condition on one point"), **implied_by(on.SOME_HIDDEN, WIDE_NARROWING)},
    caution="a statement about single points, not that every local minimum is global",
)
NGUYEN_HEIN_CNN = row(
    "R20",
    "The same for convolutional networks",
    "With a layer of n neurons generic parameters give features of rank n; critical points of full rank have "
    "zero loss.",
    "Nguyen, Hein, ICML 2018 (arXiv 1710.10928)",
    TheoremStatus.UNCONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.DISTINCT_INPUTS, LAST_WIDE, CONVOLUTIONAL),
    TANH,
    breaks={LAST_WIDE: with_widths(TANH, 5)},
    exempt=not_expressible(CONVOLUTIONAL, "layers are dense"),
)

THEOREMS: Final = (
    YU_CHEN,
    NGUYEN_HEIN,
    NGUYEN_HEIN_CNN,
)
