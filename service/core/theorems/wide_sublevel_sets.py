"""Sublevel sets of wide networks whose widths decrease behind the wide layer."""

from collections.abc import Callable
from itertools import pairwise
from typing import Final

from service.core.data_facts.facts import data_facts_of
from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    ALWAYS_CONVEX,
    case,
    follows,
    implied_by,
    row,
    samples,
    with_layer,
    with_widths,
)
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.wide_conditions import (
    DATA,
    LEAKY,
    LEAKY_CASE,
    NSV,
    RELU,
    RELU_CASE,
    TANH,
    onto,
    width_against,
)
from service.vocabulary import Activation, Bias, Property, TheoremStatus

CONNECTED: Final = Property.SUBLEVEL_SETS_CONNECTED


def _independent_samples(problem: Problem) -> Judgement:
    facts = data_facts_of(problem)
    if facts.n is None or facts.rank_x is None:
        return on.unknown("the rank of the samples is unknown")
    return on.judged(facts.rank_x == facts.n, "the samples are linearly dependent", rank=facts.rank_x, samples=facts.n)


def _decreasing(problem: Problem) -> Judgement:
    widths = [layer.width for layer in problem.network.layers]
    holds = all(one > other for one, other in pairwise(widths))
    return on.judged(holds, "the widths do not decrease strictly", widths=" ".join(map(str, widths)))


def _wide_then_decreasing(problem: Problem) -> Judgement:
    n = data_facts_of(problem).n
    if n is None:
        return on.unknown("the number of samples is unknown")
    widths = [layer.width for layer in problem.network.layers]
    holds = any(
        widths[start] >= n and all(one > other for one, other in pairwise(widths[start:]))
        for start in range(len(widths) - 1)
    )
    return on.judged(holds, "no layer as wide as the samples with decreasing widths behind it", samples=n)


def _first_then_decreasing(problem: Problem) -> Judgement:
    n = data_facts_of(problem).n
    if n is None:
        return on.unknown("the number of samples is unknown")
    widths = [layer.width for layer in problem.network.layers]
    holds = widths[0] >= 2 * n and len(widths) > 1 and all(one > other for one, other in pairwise(widths))
    return on.judged(holds, "the first layer is not twice as wide as the samples, or widths grow", samples=n)


def _least_width(factor: int) -> Callable[[Problem, int, int], bool]:
    return lambda problem, _width, n: min(problem.network.hidden_widths, default=0) >= factor * n


ONTO = Hypothesis("strictly increasing activations onto the real line", onto)
INDEPENDENT = Hypothesis("linearly independent samples", _independent_samples)
DECREASING = Hypothesis("strictly decreasing widths", _decreasing)
WIDE_DECREASING = Hypothesis("a layer of n neurons, then strictly decreasing widths", _wide_then_decreasing)
WIDE_FIRST = Hypothesis("a first layer of 2n neurons, then strictly decreasing widths", _first_then_decreasing)
ALL_WIDE = width_against("every hidden layer of n neurons", "a hidden layer is narrower than n", _least_width(1))
ALL_TWICE = width_against("every hidden layer of 2n neurons", "a hidden layer is narrower than 2n", _least_width(2))
_FEW = samples(3, 3)
_ONTO_CASE = case((4, 3, 1), _FEW, activation=Activation.LEAKY_RELU, slope=0.1, bias=Bias.ALL)
_NGUYEN = (*on.PLAIN, on.UNWEIGHTED, on.CONVEX_LOSS, on.ALL_BIASED)
CONNECTED_ONTO = row(
    "R22a",
    "Independent samples, decreasing widths: connected sublevel sets",
    "For linearly independent samples, strictly increasing activations onto R and d_1 > d_2 > ... > d_L every sublevel "
    "set of a convex loss is connected, and every component is unbounded.",
    "Nguyen, ICML 2019 (arXiv 1901.07417), Theorem 3.2",
    TheoremStatus.CONFIRMED,
    (*_NGUYEN, ONTO, INDEPENDENT, DECREASING),
    _ONTO_CASE,
    breaks={
        ONTO: with_layer(_ONTO_CASE, 0, activation=Activation.RELU, slope=None),
        INDEPENDENT: on_data(_ONTO_CASE, DATA),
        DECREASING: with_widths(_ONTO_CASE, 3, 3),
    },
    exempt=ALWAYS_CONVEX,
    conclusions=follows(CONNECTED),
    caution="ReLU, tanh and sigmoid do not map onto R",
)
VALLEYS_LEAKY = row(
    "R22b",
    "Leaky ReLU with one wide layer: no bad valleys",
    "For leaky ReLU, distinct samples and some d_k >= n with d_{k+1} > ... > d_L there is no spurious valley.",
    "Nguyen, ICML 2019 (arXiv 1901.07417), Theorem 4.2",
    TheoremStatus.CONFIRMED,
    (*_NGUYEN, LEAKY, on.DISTINCT_INPUTS, WIDE_DECREASING),
    LEAKY_CASE,
    breaks={LEAKY: RELU_CASE, WIDE_DECREASING: with_widths(LEAKY_CASE, 5)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSV),
)
_LEAKY_TWICE = with_widths(LEAKY_CASE, 12)
CONNECTED_LEAKY = row(
    "R22c",
    "Leaky ReLU with 2n first neurons: connected sublevel sets",
    "For leaky ReLU, distinct samples and d_1 >= 2n with d_2 > ... > d_L every sublevel set is connected.",
    "Nguyen, ICML 2019 (arXiv 1901.07417), Theorem 5.1",
    TheoremStatus.CONFIRMED,
    (*_NGUYEN, LEAKY, on.DISTINCT_INPUTS, WIDE_FIRST),
    _LEAKY_TWICE,
    breaks={LEAKY: with_widths(RELU_CASE, 12), WIDE_FIRST: LEAKY_CASE},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(CONNECTED),
    caution="n neurons are not enough",
)
VALLEYS_RELU = row(
    "R22d",
    "ReLU with all layers wide: no bad valleys",
    "For ReLU, distinct samples and every hidden layer of n neurons there is no spurious valley; with 2n neurons each, "
    "every sublevel set is connected.",
    "Nguyen, ICML 2019 (arXiv 1901.07417), Theorem 6.1",
    TheoremStatus.CONFIRMED,
    (*_NGUYEN, on.SOME_HIDDEN, RELU, on.DISTINCT_INPUTS, ALL_WIDE),
    RELU_CASE,
    breaks={RELU: TANH, ALL_WIDE: with_widths(RELU_CASE, 5)},
    exempt={**ALWAYS_CONVEX, **implied_by(on.SOME_HIDDEN, ALL_WIDE)},
    conclusions=(*follows(NSV), *follows(CONNECTED, provided=(ALL_TWICE,))),
    caution="one wide layer is not enough for ReLU",
)

THEOREMS: Final = (
    CONNECTED_ONTO,
    VALLEYS_LEAKY,
    CONNECTED_LEAKY,
    VALLEYS_RELU,
)
