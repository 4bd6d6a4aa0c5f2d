"""One layer of quadratic neurons: convexity in disguise."""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    ALWAYS_CONVEX,
    case,
    follows,
    implied_by,
    not_expressible,
    row,
    unsaid,
    with_layer,
)
from service.core.landscapes.wide_conditions import DATA, TWO
from service.vocabulary import Activation, Property, TheoremStatus

NSM: Final = Property.NO_SPURIOUS_LOCAL_MINIMA
STRICT: Final = Property.ALL_SADDLES_STRICT


def _output_signs(problem: Problem) -> FloatArray | None:
    frozen = problem.network.layers[-1].frozen_weights
    return None if frozen is None or len(frozen) != 1 else np.sign(frozen[0])


def _only_output_frozen(problem: Problem) -> Judgement:
    frozen = [layer.frozen_weights is not None for layer in problem.network.layers]
    return on.judged(frozen[-1] and not any(frozen[:-1]), "not exactly the output layer is fixed")


def _both_signs(problem: Problem) -> Judgement:
    signs, inputs = _output_signs(problem), on.inputs_of(problem)
    if signs is None or inputs is None:
        return on.judged(False if signs is None else None, "no fixed output weights, or no number of inputs")
    positive, negative = int(np.sum(signs > 0)), int(np.sum(signs < 0))
    holds = min(positive, negative) >= inputs
    return on.judged(holds, "too few output weights of a sign", positive=positive, negative=negative, inputs=inputs)


def _all_ones(problem: Problem) -> Judgement:
    frozen = problem.network.layers[-1].frozen_weights
    holds = frozen is not None and bool(np.all(frozen == 1.0))
    return on.judged(holds, "the output weights are not fixed at one")


def _as_wide_as_input(problem: Problem) -> Judgement:
    width, inputs = problem.network.hidden_widths[0] if problem.network.hidden_widths else 0, on.inputs_of(problem)
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN, width=width)
    return on.judged(width >= inputs, "fewer neurons than inputs", width=width, inputs=inputs)


QUADRATIC = on.activations("quadratic activation", frozenset({Activation.QUADRATIC}))
OUTPUT_FIXED = Hypothesis("only the output layer fixed", _only_output_frozen)
BOTH_SIGNS = Hypothesis("d_x output weights of each sign", _both_signs)
ALL_ONES = Hypothesis("output weights fixed at one", _all_ones)
WIDE_AS_INPUT = Hypothesis("as many neurons as inputs", _as_wide_as_input)
ADDED_SQUARES = unsaid("the squared norm of the input as a regressor", "no network here has this extra input")


def _quadratic(signs: FloatArray, data: Samples = DATA) -> Problem:
    return case((signs.shape[1], 1), data, activation=Activation.QUADRATIC, frozen_output=signs)


_SIGNED = _quadratic(np.array([[1.0] * 3 + [-1.0] * 3]))
_ONES = _quadratic(np.ones((1, 3)))
_FIXED_SETTING = (on.LINEAR_OUTPUT, on.NO_NOISE, on.NO_SKIPS, OUTPUT_FIXED, on.UNWEIGHTED, on.NO_BIAS)
SIGNED_SQUARES = row(
    "R25",
    "Quadratic neurons with fixed output weights of both signs",
    "f(x) = sum_j v_j (w_j.x)^2 with at least d_x fixed v_j of each sign: every local minimum is global, every saddle "
    "strict, and min J = min over symmetric M of E l(x'Mx, y).",
    "Soltanolkotabi, Javanmard, Lee, 2018 (arXiv 1707.04926), Theorem 2.1; derived",
    TheoremStatus.PROVED,
    (*_FIXED_SETTING, on.NO_DECAY, on.CONVEX_LOSS, on.ONE_HIDDEN, on.ONE_OUTPUT, QUADRATIC, BOTH_SIGNS),
    _SIGNED,
    breaks={
        OUTPUT_FIXED: with_layer(_SIGNED, 0, frozen_weights=np.ones((6, 3))),
        QUADRATIC: with_layer(_SIGNED, 0, activation=Activation.RELU),
        BOTH_SIGNS: _ONES,
        on.ONE_HIDDEN: with_layer(
            case((6, 6, 1), DATA, activation=Activation.QUADRATIC, frozen_output=np.array([[1.0] * 3 + [-1.0] * 3])),
            0,
            width=6,
        ),
    },
    exempt={**ALWAYS_CONVEX, **implied_by(on.ONE_OUTPUT, BOTH_SIGNS)},
    conclusions=follows(NSM, STRICT),
    caution="output weights that are trained are not covered",
)
SQUARES = row(
    "R26",
    "Quadratic neurons with output weights one",
    "f(x) = sum_j (w_j.x)^2 with d_1 >= d_x: every local minimum is global and every saddle strict, with "
    "decay as well; "
    "min J = min over M >= 0 of E l(x'Mx, y) + g tr M.",
    "Du, Lee, ICML 2018 (arXiv 1803.01206); derived",
    TheoremStatus.PROVED,
    (*_FIXED_SETTING, on.CONVEX_LOSS, on.ONE_HIDDEN, on.ONE_OUTPUT, QUADRATIC, ALL_ONES, WIDE_AS_INPUT),
    _ONES,
    breaks={
        OUTPUT_FIXED: with_layer(_ONES, 0, frozen_weights=np.ones((3, 3))),
        QUADRATIC: with_layer(_ONES, 0, activation=Activation.RELU),
        ALL_ONES: with_layer(_ONES, 1, frozen_weights=np.array([[1.0, 1.0, -1.0]])),
        WIDE_AS_INPUT: _quadratic(np.ones((1, 2))),
        on.ONE_OUTPUT: case((3, 2), TWO, activation=Activation.QUADRATIC, frozen_output=np.ones((2, 3))),
        on.ONE_HIDDEN: case((3, 3, 1), DATA, activation=Activation.QUADRATIC, frozen_output=np.ones((1, 3))),
    },
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSM, STRICT),
    caution="the optimum over M >= 0 may be positive",
)
KAZEMIPOUR = row(
    "R27",
    "Quadratic networks with the norm as a regressor",
    "Spurious minima and saddles exist and are escaped with probability one.",
    "Kazemipour, Larsen, Druckmann, 2019 (arXiv 2001.00098)",
    TheoremStatus.UNCONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.ONE_HIDDEN, QUADRATIC, WIDE_AS_INPUT, ADDED_SQUARES),
    case((3, 1), DATA, activation=Activation.QUADRATIC),
    breaks={
        QUADRATIC: case((3, 1), DATA, activation=Activation.RELU),
        WIDE_AS_INPUT: case((2, 1), DATA, activation=Activation.QUADRATIC),
    },
    exempt=not_expressible(ADDED_SQUARES, "inputs are used as they are"),
    caution="its first title claimed that no bad minima exist, the later one withdrew it",
)

THEOREMS: Final = (
    SIGNED_SQUARES,
    SQUARES,
    KAZEMIPOUR,
)
