"""What is proved about how flat a global minimum can be."""

from typing import Final

import numpy as np

from service.core.flatness.at_minimum import FLATTEST, ONE_ORBIT
from service.core.flatness.hypotheses import (
    CONVEX_OR_ONE_OUTPUT,
    FIXED_MAP,
    NO_HIDDEN_BIAS,
    OF_FLATTEST,
    OF_ONE_ORBIT,
    UNDECAYED,
    WIDE,
)
from service.core.ground import examples
from service.core.ground.problems import Moments
from service.core.ground.rules import Theorem
from service.core.several_outputs import cases
from service.core.several_outputs.hypotheses import ALL_DECAYED, BIAS_COMPENSATED, NO_HIDDEN_NOISE
from service.vocabulary import Bias, TheoremStatus

_UNDECAYED = cases.two_inputs((3, 2), 0.0)
_DECAYED = cases.two_inputs((3, 2), 0.1)
_CONSTANT_INPUT = Moments(
    np.diag([1.0, 9.0]), np.array([[1.0, 0.5], [0.0, 0.0]]), 5.0, x_mean=np.array([0.0, 3.0]), y_mean=np.zeros(2)
)


FLATTEST_MINIMUM: Final = Theorem(
    id=FLATTEST,
    title="The flattest global minimum of a linear network, and the largest step that can stay at one",
    statement=(
        "At a global minimum with map M the Hessian is twice the Gauss-Newton matrix. With second moment A (noise on "
        "the inputs included), L layers and one output w = M' its largest eigenvalue is at least min over a > 0 of "
        "2 lambda_max(a^2 A + (L-1) a^(-2/(L-1)) v v'), v = A^(1/2) w, and a chain of rank one attains it. With "
        "several outputs this holds for each combination u of them with w = M'u, |u| = 1, and V'V, V = M A^(1/2), in "
        "the place of v v' gives what weights attain; with two layers none are flatter, and on inputs of second moment "
        "c both are 2 c L |M|^(2-2/L). Gradient descent with a constant step above 2 over that eigenvalue converges to "
        "a global minimum from almost no start."
    ),
    source="derived in docs/theory/flatness.md; on white inputs Mulayoff, Michaeli 2020 (arXiv 2002.04710)",
    status=TheoremStatus.PROVED,
    hypotheses=OF_FLATTEST,
    page="docs/theory/flatness.md",
    holds=_UNDECAYED,
    breaks={
        **cases.breaks(_UNDECAYED),
        # a bias that decays would break two
        BIAS_COMPENSATED.name: cases.without_means(examples.with_bias(_UNDECAYED, Bias.OUTPUT)),
        NO_HIDDEN_NOISE.name: examples.with_noise(_UNDECAYED),
        UNDECAYED.name: _DECAYED,
        NO_HIDDEN_BIAS.name: examples.with_bias(_UNDECAYED, Bias.ALL),
        FIXED_MAP.name: examples.with_moments(examples.with_bias(_UNDECAYED, Bias.OUTPUT), _CONSTANT_INPUT),
        WIDE.name: cases.two_inputs((1, 2), 0.0),
    },
)

MINIMA_OF_ONE_ORBIT: Final = Theorem(
    id=ONE_ORBIT,
    title="With weight decay everywhere all global minima have the same Hessian, up to rotations",
    statement=(
        "Where every layer decays and no two values of the reduced problem tie, the global minima of a network of one "
        "output, and, without noise, of several on white inputs or with two layers as wide as min(inputs, outputs), "
        "differ only by rotations of hidden layers without noise and signs of units with noise. Neither changes an "
        "eigenvalue of the Hessian."
    ),
    source="derived in docs/theory/flatness.md from docs/theory/scalar-output.md, factorisation.md and nuclear-norm.md",
    status=TheoremStatus.PROVED,
    hypotheses=OF_ONE_ORBIT,
    page="docs/theory/flatness.md",
    holds=_DECAYED,
    breaks={
        **cases.breaks(_DECAYED),
        ALL_DECAYED.name: _UNDECAYED,
        NO_HIDDEN_BIAS.name: examples.with_bias(_DECAYED, Bias.ALL),
        CONVEX_OR_ONE_OUTPUT.name: cases.two_inputs((3, 3, 2), 0.1),
    },
)

THEOREMS: Final = (FLATTEST_MINIMUM, MINIMA_OF_ONE_ORBIT)
"""In the order of the theory page."""
