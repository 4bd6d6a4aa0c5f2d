"""Linear networks without regulariser: when every local minimum is global, and when saddles are strict."""

from typing import Final

import numpy as np

from service.core.landscapes import setting as on
from service.core.landscapes.data_facts import GAP_TOLERANCE, DataFacts, data_facts_of
from service.core.problems import Problem, Samples
from service.core.rules import Fact, Hypothesis, Verdict
from service.core.theorems.landscape_cases import (
    ALWAYS_CONVEX,
    case,
    dependent,
    excludes,
    follows,
    implied_by,
    not_decidable,
    row,
    samples,
    undecidable,
    with_loss,
    with_widths,
)
from service.core.theorems.landscape_cases import on as on_data
from service.vocabulary import Loss, Property, TheoremStatus

NSM: Final = Property.NO_SPURIOUS_LOCAL_MINIMA
STRICT: Final = Property.ALL_SADDLES_STRICT
CONNECTED: Final = Property.SUBLEVEL_SETS_CONNECTED
ATTAINED: Final = Property.MINIMUM_ATTAINED


def _explained(facts: DataFacts) -> list[float] | None:
    return None if facts.explained is None else facts.explained.tolist()


def _distinct_values(values: list[float]) -> tuple[bool, float]:
    """Whether all are positive and unequal, and their least gap relative to the largest."""
    largest = values[0] if values else 0.0
    if largest <= 0.0:
        return False, 0.0
    gaps = [one - other for one, other in zip(values, [*values[1:], 0.0], strict=True)]
    least = min(gaps) / largest
    return least > GAP_TOLERANCE, least


def _distinct_spectrum(problem: Problem) -> Verdict:
    values = _explained(data_facts_of(problem))
    if values is None:
        return on.unknown("without data the singular values are unknown")
    holds, gap = _distinct_values(values)
    evidence: dict[str, Fact] = {"least_relative_gap": gap, "tolerance": GAP_TOLERANCE}
    return on.judged(holds, "two singular values of the explained targets agree, or one is zero", **evidence)


def _no_more_outputs(problem: Problem) -> Verdict:
    inputs, outputs = on.inputs_of(problem), problem.network.outputs
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN, outputs=outputs)
    return on.judged(outputs <= inputs, "more outputs than inputs", inputs=inputs, outputs=outputs)


def _as_many_outputs(problem: Problem) -> Verdict:
    inputs, outputs = on.inputs_of(problem), problem.network.outputs
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN, outputs=outputs)
    return on.judged(outputs == inputs, "inputs and outputs differ in number", inputs=inputs, outputs=outputs)


def _no_wider_than_input(problem: Problem) -> Verdict:
    inputs, widest = on.inputs_of(problem), max(problem.network.hidden_widths, default=0)
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN, hidden_width=widest)
    return on.judged(widest <= inputs, "the hidden layer is wider than the input", inputs=inputs, hidden_width=widest)


def _targets_of_full_rank(problem: Problem) -> Verdict:
    rank = data_facts_of(problem).rank_y
    outputs = problem.network.outputs
    if rank is None:
        return on.unknown(on.SAMPLES_NEEDED, outputs=outputs)
    return on.judged(rank == outputs, "the targets are linearly dependent", rank=rank, outputs=outputs)


def _enough_samples(problem: Problem) -> Verdict:
    facts = data_facts_of(problem)
    if facts.n is None or facts.moments is None:
        return on.unknown("the number of samples is unknown")
    return on.judged(
        facts.n >= facts.moments.inputs, "fewer samples than inputs", samples=facts.n, inputs=facts.moments.inputs
    )


def _squared_or_filling(problem: Problem) -> Verdict:
    if problem.loss is Loss.SQUARED:
        return on.judged(True, "", loss=problem.loss.value)
    found = on.NO_BOTTLENECK.check(problem)
    return Verdict(found.holds, {"loss": problem.loss.value, **found.evidence}, found.reason)


def _wider_than_both(problem: Problem) -> Verdict:
    inputs = on.inputs_of(problem)
    outputs, least = problem.network.outputs, min(problem.network.hidden_widths, default=0)
    if inputs is None:
        if least <= outputs:
            return on.unknown(on.INPUTS_UNKNOWN, least_hidden_width=least, outputs=outputs)
        return on.judged(True, "", least_hidden_width=least, outputs=outputs)
    holds = least > min(inputs, outputs)
    return on.judged(holds, "a hidden layer is too narrow", least_hidden_width=least, inputs=inputs, outputs=outputs)


def _narrowest_is_hidden(problem: Problem) -> Verdict:
    inputs = on.inputs_of(problem)
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN)
    least = min(inputs, problem.network.outputs, *problem.network.hidden_widths, 10**9)
    count = sum(width == least for width in problem.network.hidden_widths)
    return on.judged(count > 0, "no hidden layer is as narrow as the whole network", rank=least, hidden_layers=count)


def _unique_full_rank_optimum(problem: Problem) -> Verdict:
    facts, inputs = data_facts_of(problem), on.inputs_of(problem)
    values = _explained(facts)
    if values is None or inputs is None:
        return on.unknown("without data the best map is unknown")
    rank = min(inputs, problem.network.outputs, *problem.network.hidden_widths, 10**9)
    padded = [*values, *[0.0] * (rank + 1)]
    largest = max(padded[0], np.finfo(float).tiny)
    at, after = padded[rank - 1] / largest, padded[rank] / largest
    holds = at > GAP_TOLERANCE and (at - after > GAP_TOLERANCE or rank >= min(inputs, problem.network.outputs))
    evidence: dict[str, Fact] = {"rank": rank, "relative_value": at, "relative_next_value": after}
    return on.judged(holds, "the best map is not unique, or has a smaller rank", **evidence)


DISTINCT_SPECTRUM = Hypothesis("distinct positive singular values of the explained targets", _distinct_spectrum)
NO_MORE_OUTPUTS = Hypothesis("no more outputs than inputs", _no_more_outputs)
AS_MANY_OUTPUTS = Hypothesis("as many outputs as inputs", _as_many_outputs)
NO_WIDER_THAN_INPUT = Hypothesis("hidden layer no wider than the input", _no_wider_than_input)
FULL_RANK_Y = Hypothesis("linearly independent targets", _targets_of_full_rank)
ENOUGH_SAMPLES = Hypothesis("at least as many samples as inputs", _enough_samples)
SQUARED_OR_FILLING = Hypothesis("squared loss, or no bottleneck", _squared_or_filling)
WIDER_THAN_BOTH = Hypothesis("hidden layers wider than input or output", _wider_than_both)
NARROW_HIDDEN = Hypothesis("a hidden layer as narrow as the network", _narrowest_is_hidden)
UNIQUE_OPTIMUM = Hypothesis("a unique best map of full rank", _unique_full_rank_optimum)
AT_A_POINT = undecidable("a posted point", "the statement is about one point; a problem states none")

_SQUARE = case((2, 3), samples(12, 3, 3))
_DEEP = case((3, 4, 2), samples(12, 3, 2))
_SHALLOW = case((3, 2), samples(12, 3, 2))
_ONE_LAYER = case((1,), samples(9, 3))


def _with_equal_values(problem: Problem, outputs: int) -> Problem:
    """Whitened data whose explained targets have equal singular values."""
    x = np.vstack([np.eye(3), -np.eye(3)])
    return on_data(problem, Samples(x, x[:, :outputs].copy()))


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
BALDI_HORNIK = row(
    "R01",
    "Two linear layers: one valley, all else saddles",
    "With one hidden layer of width p, invertible E[x x'] and S = E[y x'] E[x x']^-1 E[x y'] of full rank "
    "with distinct "
    "eigenvalues, the minimum projects on the p leading eigenvectors of S, and every other critical point is a saddle.",
    "Baldi, Hornik, Neural Networks 2 (1989) 53",
    TheoremStatus.CONFIRMED,
    (
        *on.UNREGULARISED_LINEAR,
        on.ONE_HIDDEN,
        on.SQUARED_LOSS,
        on.NO_BIAS,
        AS_MANY_OUTPUTS,
        NO_WIDER_THAN_INPUT,
        on.FULL_ROW_RANK,
        DISTINCT_SPECTRUM,
    ),
    _SQUARE,
    breaks={
        AS_MANY_OUTPUTS: case((2, 2), samples(12, 3, 2)),
        NO_WIDER_THAN_INPUT: with_widths(_SQUARE, 4),
        DISTINCT_SPECTRUM: _with_equal_values(_SQUARE, 3),
    },
    exempt=implied_by(on.FULL_ROW_RANK, DISTINCT_SPECTRUM),
    conclusions=follows(NSM, STRICT),
    caution="one hidden layer only",
)
KAWAGUCHI = row(
    "R02",
    "Deep linear networks have no spurious minima (first proof)",
    "With d_y <= d_x, E[x x'] and E[x y'] of full rank and S with d_y distinct eigenvalues, every local minimum is "
    "global and every other critical point is a saddle; a saddle with rank(W_H...W_2) = min hidden width is strict.",
    "Kawaguchi, NeurIPS 2016 (arXiv 1605.07110), Theorem 2.3",
    TheoremStatus.CONFIRMED,
    (
        *on.UNREGULARISED_LINEAR,
        on.SQUARED_LOSS,
        on.NO_BIAS,
        NO_MORE_OUTPUTS,
        on.FULL_ROW_RANK,
        on.FULL_RANK_XY,
        DISTINCT_SPECTRUM,
    ),
    _DEEP,
    breaks={
        on.FULL_ROW_RANK: dependent(_DEEP),
        DISTINCT_SPECTRUM: _with_equal_values(_DEEP, 2),
    },
    exempt={
        **implied_by(on.FULL_RANK_XY, DISTINCT_SPECTRUM),
        **implied_by(NO_MORE_OUTPUTS, DISTINCT_SPECTRUM),
    },
    conclusions=follows(NSM),
    caution="its corollary for nonlinear networks needs an independence that no data have; it is never applied",
)
LU_KAWAGUCHI = row(
    "R03",
    "Depth creates no bad local minima",
    "If X and Y have full row rank, every local minimum of ||W_L...W_1 X - Y||^2 is global, whatever the widths.",
    "Lu, Kawaguchi, 2017 (arXiv 1702.08580)",
    TheoremStatus.UNCONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.SQUARED_LOSS, on.NO_BIAS, on.FULL_ROW_RANK, FULL_RANK_Y),
    _DEEP,
    breaks={FULL_RANK_Y: on_data(_DEEP, Samples(samples(12, 3, 2).x, np.ones((12, 2))))},
    conclusions=follows(NSM),
)
LAURENT_BRECHT = row(
    "R04",
    "Linear networks without bottleneck under any convex loss",
    "If every hidden layer is at least as wide as the input or as the output, then at every local minimum of "
    "E l(W_L...W_1 x, y) the gradient with respect to the product vanishes; for convex l it is global.",
    "Laurent, von Brecht, ICML 2018 (arXiv 1712.01473)",
    TheoremStatus.CONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.CONVEX_LOSS, on.OFFSET_AT_OUTPUT, on.NO_BOTTLENECK),
    _DEEP,
    breaks={on.NO_BOTTLENECK: with_widths(_DEEP, 1, 4)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSM),
    caution="convex losses that are not differentiable can have bad minima; vacuous where the infimum is not attained",
)
YUN_LINEAR = row(
    "R05",
    "Test at a critical point: full rank means global",
    "A critical point is global if and only if rank(W_L...W_1) = min(d_x, d_y), else it is a saddle, where E[x x'] and "
    "E[x y'] have full rank, the singular values are distinct and no layer is narrower than that.",
    "Yun, Sra, Jadbabaie, ICLR 2018 (arXiv 1707.02444)",
    TheoremStatus.UNCONFIRMED,
    (
        *on.UNREGULARISED_LINEAR,
        on.SQUARED_LOSS,
        on.NO_BIAS,
        on.NO_BOTTLENECK,
        on.FULL_ROW_RANK,
        on.FULL_RANK_XY,
        DISTINCT_SPECTRUM,
        AT_A_POINT,
    ),
    _DEEP,
    breaks={
        on.NO_BOTTLENECK: with_widths(_DEEP, 1, 4),
        on.FULL_ROW_RANK: dependent(_DEEP),
        DISTINCT_SPECTRUM: _with_equal_values(_DEEP, 2),
    },
    exempt={
        **implied_by(on.FULL_RANK_XY, DISTINCT_SPECTRUM),
        **not_decidable(AT_A_POINT, "it certifies one point and claims nothing about the whole"),
    },
    caution="a certificate for a point, not a statement about the landscape",
)
SQUARED = row(
    "R06",
    "Squared loss: no spurious minima at any width, on any data",
    "Every local minimum of E||W_L...W_1 x - y||^2 is global, with bottlenecks and with dependent or few samples; the "
    "value is E||y||^2 - sum_{k <= r} s_k^2, s_k the singular values of the targets projected on the inputs, "
    "r the least width.",
    "Zhang 2019 (arXiv 1901.09827); Zhou, Liang, 2018 (arXiv 1710.11205)",
    TheoremStatus.CONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.SQUARED_LOSS, on.OFFSET_AT_OUTPUT),
    _DEEP,
    conclusions=follows(NSM, ATTAINED),
    caution="not for weighted, masked or logistic losses, and not with weight decay",
)
ZHOU_LIANG = row(
    "R07",
    "Two linear layers: all critical points in closed form",
    "With one hidden layer all critical points of the squared loss are known in closed form, without a "
    "condition on the "
    "data, and every local minimum is global.",
    "Zhou, Liang, ICLR 2018 (arXiv 1710.11205)",
    TheoremStatus.CONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.ONE_HIDDEN, on.SQUARED_LOSS, on.NO_BIAS),
    _SHALLOW,
    conclusions=follows(NSM),
)
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
_ACHOUR_BREAKS = {on.FULL_ROW_RANK: dependent(_SHALLOW), DISTINCT_SPECTRUM: _with_equal_values(_SHALLOW, 2)}
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
    _SHALLOW,
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
    _SHALLOW,
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
    _DEEP,
    breaks={
        on.SEVERAL_HIDDEN: _SHALLOW,
        on.NONZERO_PULL: on_data(_DEEP, Samples(np.vstack([np.eye(3), -np.eye(3)]), np.ones((6, 2)))),
    },
    conclusions=excludes(STRICT),
    caution="gradient descent from a small start rests near the origin for long",
)
TRAGER = row(
    "R09",
    "Pure and spurious critical points",
    "For a smooth convex loss of the product: without bottleneck every local minimum is global; with one this holds "
    "for squared loss, and other convex losses have bad minima for some data.",
    "Trager, Kohn, Bruna, ICLR 2020 (arXiv 1910.01671)",
    TheoremStatus.CONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.CONVEX_LOSS, on.NO_BIAS, SQUARED_OR_FILLING),
    _DEEP,
    breaks={SQUARED_OR_FILLING: with_loss(with_widths(_DEEP, 1, 1), Loss.WEIGHTED_SQUARED)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSM),
    caution="weighted squared loss is weighted low-rank approximation: not covered at a bottleneck",
)
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
        NARROW_HIDDEN: _SHALLOW,
        UNIQUE_OPTIMUM: _with_equal_values(case((1, 2), samples(12, 3, 2)), 2),
    },
    exempt=implied_by(on.SOME_HIDDEN, NARROW_HIDDEN),
    conclusions=excludes(CONNECTED),
    caution="the exact number of components, 2^b for b such layers, is not confirmed",
)
NOUIEHED = row(
    "R10",
    "Local openness of the matrix product",
    "For M = M1 M2 with inner dimension k the product map is locally open exactly under rank conditions at the point; "
    "with one hidden layer and squared loss every local minimum is global.",
    "Nouiehed, Razaviyayn, 2018 (arXiv 1803.02968)",
    TheoremStatus.UNCONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.ONE_HIDDEN, on.SQUARED_LOSS, on.NO_BIAS),
    _SHALLOW,
    conclusions=follows(NSM),
)
FREEMAN_BRUNA = row(
    "R11",
    "Wide linear networks have connected sublevel sets",
    "If every hidden layer is wider than min(d_x, d_y), strictly, every sublevel set of the squared loss is connected.",
    "Freeman, Bruna, ICLR 2017 (arXiv 1611.01540)",
    TheoremStatus.UNCONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.SQUARED_LOSS, on.NO_BIAS, on.SOME_HIDDEN, WIDER_THAN_BOTH),
    _SHALLOW,
    breaks={WIDER_THAN_BOTH: with_widths(_SHALLOW, 2)},
    exempt=implied_by(on.SOME_HIDDEN, WIDER_THAN_BOTH),
    conclusions=follows(CONNECTED),
    caution="equality is not enough, see R09c",
)
JOSZ_LI = row(
    "R17",
    "No spurious minima at infinity",
    "For linear networks under squared loss no continuous descent that leaves every bounded set ends above "
    "the infimum.",
    "Josz, Li, SIAM J. Optim. 33 (2023) 1416",
    TheoremStatus.UNCONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.SQUARED_LOSS, on.NO_BIAS),
    _DEEP,
    caution="says nothing about logistic loss",
)

THEOREMS: Final = (
    CONVEX,
    BALDI_HORNIK,
    KAWAGUCHI,
    LU_KAWAGUCHI,
    LAURENT_BRECHT,
    YUN_LINEAR,
    SQUARED,
    ZHOU_LIANG,
    ACHOUR,
    ACHOUR_TWO_LAYERS,
    FLAT_ORIGIN,
    TRAGER,
    FIBRES,
    NOUIEHED,
    FREEMAN_BRUNA,
    JOSZ_LI,
)
