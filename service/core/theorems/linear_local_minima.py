"""Linear networks under squared loss without regulariser: every local minimum is global."""

from typing import Final

import numpy as np

from service.core.data_facts.facts import data_facts_of
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    case,
    dependent,
    follows,
    implied_by,
    not_decidable,
    row,
    samples,
    undecidable,
    with_widths,
)
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.linear_conditions import (
    ATTAINED,
    DEEP,
    DISTINCT_SPECTRUM,
    NO_MORE_OUTPUTS,
    NSM,
    SHALLOW,
    STRICT,
    with_equal_values,
)
from service.vocabulary import TheoremStatus


def _as_many_outputs(problem: Problem) -> Judgement:
    inputs, outputs = on.inputs_of(problem), problem.network.outputs
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN, outputs=outputs)
    return on.judged(outputs == inputs, "inputs and outputs differ in number", inputs=inputs, outputs=outputs)


def _no_wider_than_input(problem: Problem) -> Judgement:
    inputs, widest = on.inputs_of(problem), max(problem.network.hidden_widths, default=0)
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN, hidden_width=widest)
    return on.judged(widest <= inputs, "the hidden layer is wider than the input", inputs=inputs, hidden_width=widest)


def _targets_of_full_rank(problem: Problem) -> Judgement:
    rank = data_facts_of(problem).rank_y
    outputs = problem.network.outputs
    if rank is None:
        return on.unknown(on.SAMPLES_NEEDED, outputs=outputs)
    return on.judged(rank == outputs, "the targets are linearly dependent", rank=rank, outputs=outputs)


AS_MANY_OUTPUTS = Hypothesis("as many outputs as inputs", _as_many_outputs)
NO_WIDER_THAN_INPUT = Hypothesis("hidden layer no wider than the input", _no_wider_than_input)
FULL_RANK_Y = Hypothesis("linearly independent targets", _targets_of_full_rank)
AT_A_POINT = undecidable("a posted point", "the statement is about one point; a problem states none")
_SQUARE = case((2, 3), samples(12, 3, 3))
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
        DISTINCT_SPECTRUM: with_equal_values(_SQUARE, 3),
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
    DEEP,
    breaks={
        on.FULL_ROW_RANK: dependent(DEEP),
        DISTINCT_SPECTRUM: with_equal_values(DEEP, 2),
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
    DEEP,
    breaks={FULL_RANK_Y: on_data(DEEP, Samples(samples(12, 3, 2).x, np.ones((12, 2))))},
    conclusions=follows(NSM),
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
    DEEP,
    breaks={
        on.NO_BOTTLENECK: with_widths(DEEP, 1, 4),
        on.FULL_ROW_RANK: dependent(DEEP),
        DISTINCT_SPECTRUM: with_equal_values(DEEP, 2),
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
    DEEP,
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
    SHALLOW,
    conclusions=follows(NSM),
)
NOUIEHED = row(
    "R10",
    "Local openness of the matrix product",
    "For M = M1 M2 with inner dimension k the product map is locally open exactly under rank conditions at the point; "
    "with one hidden layer and squared loss every local minimum is global.",
    "Nouiehed, Razaviyayn, 2018 (arXiv 1803.02968)",
    TheoremStatus.UNCONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.ONE_HIDDEN, on.SQUARED_LOSS, on.NO_BIAS),
    SHALLOW,
    conclusions=follows(NSM),
)
JOSZ_LI = row(
    "R17",
    "No spurious minima at infinity",
    "For linear networks under squared loss no continuous descent that leaves every bounded set ends above "
    "the infimum.",
    "Josz, Li, SIAM J. Optim. 33 (2023) 1416",
    TheoremStatus.UNCONFIRMED,
    (*on.UNREGULARISED_LINEAR, on.SQUARED_LOSS, on.NO_BIAS),
    DEEP,
    caution="says nothing about logistic loss",
)

THEOREMS: Final = (
    BALDI_HORNIK,
    KAWAGUCHI,
    LU_KAWAGUCHI,
    YUN_LINEAR,
    SQUARED,
    ZHOU_LIANG,
    NOUIEHED,
    JOSZ_LI,
)
