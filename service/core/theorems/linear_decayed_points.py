"""Linear networks with weight decay: all critical points, and when minima are global."""

from functools import cache
from math import log
from typing import Final

import numpy as np

from service.core.data_facts.facts import GAP_TOLERANCE, data_facts_of
from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import ALWAYS_CONVEX, case, follows, row, with_widths
from service.core.landscapes.decayed_conditions import DEEP, SHALLOW, SPURIOUS, TRAINED, WHITE
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.vocabulary import Property, TheoremStatus

NSM: Final = Property.NO_SPURIOUS_LOCAL_MINIMA


def _levels(problem: Problem) -> tuple[list[float], float, list[float]] | None:
    """Singular values of the whitened target, threshold of existence, and the gain of each value's larger root."""
    facts = data_facts_of(problem)
    if facts.whitening is None or facts.moments is None or not facts.whitening[0] > 0.0:
        return None
    scale, layers = facts.whitening[0], problem.network.n_layers
    decays = problem.network.weight_decays
    if layers < 2 or not decays.all():
        return None
    values = np.linalg.svd(facts.moments.xy / scale, compute_uv=False).tolist()
    shrinkage = Shrinkage(layers, float(np.log(decays).sum()) - layers * log(scale))
    return values, shrinkage.existence_threshold, [scale * _gain(shrinkage, value) for value in values]


@cache
def _gain(shrinkage: Shrinkage, value: float) -> float:
    """Loss of the zero value minus that of the larger root; minus infinity where there is no root."""
    root = shrinkage.stable_root(value)
    return -np.inf if root is None else value * value - root.value


def _no_tie(problem: Problem) -> Judgement:
    found = _levels(problem)
    if found is None:
        return on.unknown("the singular values are unknown")
    values, start, _ = found
    gap = min((abs(value - start) / max(start, 1e-300) for value in values), default=1.0)
    holds = gap > GAP_TOLERANCE
    return on.judged(holds, "a singular value lies at the threshold", threshold=start, least_relative_gap=gap)


def _unequal_levels(problem: Problem) -> Judgement:
    found = _levels(problem)
    if found is None:
        return on.unknown("the singular values are unknown")
    _, start, gains = found
    rank = min(problem.data.inputs, *(layer.width for layer in problem.network.layers))
    levels = np.concatenate([[0.0], np.cumsum([gain for gain in gains[:rank] if gain > -np.inf])])
    spread = float(levels.max() - levels.min())
    deep = problem.network.n_hidden >= 2
    holds = deep and spread > GAP_TOLERANCE * max(problem.spread, 1e-300)
    return on.judged(holds, "only one level of local minima", levels=len(levels), spread=spread, threshold=start)


def _one_level(problem: Problem) -> Judgement:
    found = _levels(problem)
    if found is None:
        return on.unknown("the singular values are unknown")
    values, start, _ = found
    largest = max(values)
    holds = problem.network.n_hidden == 1 or largest < start * (1.0 - GAP_TOLERANCE)
    return on.judged(holds, "a singular value exceeds the threshold", threshold=start, largest_singular_value=largest)


NO_TIE = Hypothesis("no singular value at the threshold", _no_tie)
UNEQUAL_LEVELS = Hypothesis("local minima of different value", _unequal_levels)
ONE_LEVEL = Hypothesis("one hidden layer, or all singular values below the threshold", _one_level)
_WHITE_DEEP = case((3, 3, 2), WHITE, decay=0.05)
TWO_LAYER_DECAY = row(
    "R13",
    "Two decayed linear layers, wide enough: no spurious minima",
    "For positive decays and d_1 >= min(d_x, d_y), J(W_1, W_2) = E l(W_2 W_1 x, y) + g_1 ||W_1||^2 + g_2 "
    "||W_2||^2 has only "
    "global local minima, and min J = min_W E l(W x, y) + 2 sqrt(g_1 g_2) ||W||_*.",
    "derived; in the line of Srebro et al. 2005 and Haeffele, Vidal 2015",
    TheoremStatus.PROVED,
    (
        on.LINEAR,
        on.NO_NOISE,
        *TRAINED,
        on.ONE_HIDDEN,
        on.NO_BIAS,
        on.WEIGHTS_DECAYED,
        on.CONVEX_LOSS,
        on.NO_BOTTLENECK,
    ),
    SHALLOW,
    breaks={on.NO_BOTTLENECK: with_widths(SHALLOW, 1), on.ONE_HIDDEN: DEEP},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSM),
    caution="fails for two or more hidden layers",
)
FACTORISATION = row(
    "R15",
    "Decayed factorisation of any depth: all critical points",
    "For E[x x'] = c I the critical points are W_l = sigma / sqrt(lam_l) with s^(2L-1) - sqrt(lam) y_i "
    "s^(L-1) + lam s = 0, "
    "y_i the singular values of E[y x']/c, lam_l = g_l/c, lam their product. Each is a local minimum or a "
    "strict saddle if "
    "and only if no y_i is at the threshold. For L >= 3 the local minima are the leading k directions, k = 0, 1, ...",
    "Chen, Jiang, Wang, 2025 (arXiv 2506.20344); thresholds and classes: derived",
    TheoremStatus.CONFIRMED,
    (
        on.LINEAR,
        on.NO_NOISE,
        *TRAINED,
        on.SOME_HIDDEN,
        on.SQUARED_LOSS,
        on.NO_BIAS,
        on.WEIGHTS_DECAYED,
        on.WHITENED,
    ),
    _WHITE_DEEP,
    breaks={on.SOME_HIDDEN: case((2,), WHITE, decay=0.05), on.WHITENED: DEEP},
    conclusions=(
        *follows(Property.ALL_SADDLES_STRICT, provided=(NO_TIE,)),
        *follows(SPURIOUS, provided=(UNEQUAL_LEVELS,)),
        *follows(NSM, provided=(ONE_LEVEL,)),
    ),
    caution="inputs that are not whitened are not covered",
)

THEOREMS: Final = (
    TWO_LAYER_DECAY,
    FACTORISATION,
)
