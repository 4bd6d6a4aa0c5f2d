"""Sublevel sets of linear networks under squared loss: connected or cut."""

from typing import Final

import numpy as np

from service.core.data_facts.facts import GAP_TOLERANCE, data_facts_of
from service.core.ground.problems import Problem
from service.core.ground.rules import Fact, Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    ALWAYS_CONVEX,
    PROOFS,
    case,
    dependent,
    excludes,
    follows,
    implied_by,
    row,
    samples,
    with_widths,
)
from service.core.landscapes.linear_conditions import CONNECTED, SHALLOW, explained, with_equal_values
from service.vocabulary import TheoremStatus


def _wider_than_both(problem: Problem) -> Judgement:
    inputs = on.inputs_of(problem)
    outputs, least = problem.network.outputs, min(problem.network.hidden_widths, default=0)
    if inputs is None:
        if least <= outputs:
            return on.unknown(on.INPUTS_UNKNOWN, least_hidden_width=least, outputs=outputs)
        return on.judged(True, "", least_hidden_width=least, outputs=outputs)
    holds = least > min(inputs, outputs)
    return on.judged(holds, "a hidden layer is too narrow", least_hidden_width=least, inputs=inputs, outputs=outputs)


def _narrowest_is_hidden(problem: Problem) -> Judgement:
    inputs = on.inputs_of(problem)
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN)
    least = min(inputs, problem.network.outputs, *problem.network.hidden_widths, 10**9)
    count = sum(width == least for width in problem.network.hidden_widths)
    return on.judged(count > 0, "no hidden layer is as narrow as the whole network", rank=least, hidden_layers=count)


def _unique_full_rank_optimum(problem: Problem) -> Judgement:
    facts, inputs = data_facts_of(problem), on.inputs_of(problem)
    values = explained(facts)
    if values is None or inputs is None:
        return on.unknown("without data the best map is unknown")
    rank = min(inputs, problem.network.outputs, *problem.network.hidden_widths, 10**9)
    padded = [*values, *[0.0] * (rank + 1)]
    largest = max(padded[0], np.finfo(float).tiny)
    at, after = padded[rank - 1] / largest, padded[rank] / largest
    holds = at > GAP_TOLERANCE and (at - after > GAP_TOLERANCE or rank >= min(inputs, problem.network.outputs))
    evidence: dict[str, Fact] = {"rank": rank, "relative_value": at, "relative_next_value": after}
    return on.judged(holds, "the best map is not unique, or has a smaller rank", **evidence)


WIDER_THAN_BOTH = Hypothesis("hidden layers wider than input or output", _wider_than_both)
NARROW_HIDDEN = Hypothesis("a hidden layer as narrow as the network", _narrowest_is_hidden)
UNIQUE_OPTIMUM = Hypothesis("a unique best map of full rank", _unique_full_rank_optimum)
FIBRES = row(
    "R09c",
    "A bottleneck cuts the set of global minima in two",
    "If the best map of rank r is unique and a hidden layer has exactly r neurons, the factors there are U G and "
    "G^-1 V; the sign of det G cannot change along a path of minima, and both signs occur.",
    "Trager, Kohn, Bruna, ICLR 2020 (arXiv 1910.01671); at least two components: derived",
    TheoremStatus.PROVED,
    (
        *on.UNREGULARISED_LINEAR,
        on.SQUARED_LOSS,
        on.NO_BIAS,
        on.SOME_HIDDEN,
        on.FULL_ROW_RANK,
        NARROW_HIDDEN,
        UNIQUE_OPTIMUM,
    ),
    case((2, 2), samples(12, 3, 2)),
    breaks={
        on.FULL_ROW_RANK: dependent(case((2, 2), samples(12, 3, 2))),
        NARROW_HIDDEN: SHALLOW,
        UNIQUE_OPTIMUM: with_equal_values(case((1, 2), samples(12, 3, 2)), 2),
    },
    exempt=implied_by(on.SOME_HIDDEN, NARROW_HIDDEN),
    conclusions=excludes(CONNECTED),
    caution="the exact number of components, 2^b for b such layers, is not confirmed",
)
FREEMAN_BRUNA = row(
    "R11",
    "Wide linear networks have connected sublevel sets",
    "If every hidden layer is wider than min(d_x, d_y), strictly, every set {J < c} of a convex loss is connected, and "
    "{J <= c} above the infimum. The layer on the wider side moves the product, along which J is convex, to one common "
    "map; the other layers lose rank only on a set of codimension two or more, which no path needs to cross.",
    "Freeman, Bruna, ICLR 2017 (arXiv 1611.01540) for squared loss; derived",
    TheoremStatus.PROVED,
    (*on.UNREGULARISED_LINEAR, on.CONVEX_LOSS, on.OFFSET_AT_OUTPUT, on.SOME_HIDDEN, WIDER_THAN_BOTH),
    SHALLOW,
    breaks={WIDER_THAN_BOTH: with_widths(SHALLOW, 2)},
    exempt={**ALWAYS_CONVEX, **implied_by(on.SOME_HIDDEN, WIDER_THAN_BOTH)},
    conclusions=follows(CONNECTED),
    caution="equality is not enough, see R09c",
    page=PROOFS,
)

THEOREMS: Final = (
    FIBRES,
    FREEMAN_BRUNA,
)
