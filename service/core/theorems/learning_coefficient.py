"""What is known about how fast the volume of nearly optimal weights vanishes."""

from typing import Final

from service.core.flatness.hypotheses import (
    CONVEX_OR_ONE_OUTPUT,
    NO_HIDDEN_BIAS,
    OF_CLOSED_FORM,
    OF_ONE_ORBIT,
    UNDECAYED,
)
from service.core.flatness.learning_coefficient import AOYAGI, MORSE_BOTT
from service.core.ground import examples
from service.core.ground.rules import Theorem
from service.core.several_outputs import cases
from service.core.several_outputs.hypotheses import ALL_DECAYED, BIAS_COMPENSATED, NO_HIDDEN_NOISE
from service.vocabulary import Bias, TheoremStatus

_UNDECAYED = cases.two_inputs((3, 2), 0.0)
_DECAYED = cases.two_inputs((3, 2), 0.1)

CLOSED_FORM: Final = Theorem(
    id=AOYAGI,
    title="The learning coefficient of a linear network without decay",
    statement=(
        "Sizes H_0 .. H_L, H_0 the rank of the inputs, best map of rank r, D_s = H_s - r in ascending order. Let S be "
        "the first l + 1 of them with l max(S) <= sum(S) < l min of the others, M = ceil(sum/l), a = sum - (M-1) l. "
        "Then the learning coefficient is (-r^2 + r (H_0 + H_L))/2 + a (l-a)/(4 l) - l (l-1)/4 (sum/l)^2 "
        "+ (1/2) sum_(i<j in S) D_i D_j, with multiplicity a (l-a) + 1; a free output bias adds half its size."
    ),
    source="Aoyagi 2024 (Neural Networks 172, 106132); two layers: Aoyagi, Watanabe 2005 (Neural Networks 18)",
    status=TheoremStatus.PROVED,
    hypotheses=OF_CLOSED_FORM,
    page="docs/theory/learning-coefficient.md",
    holds=_UNDECAYED,
    breaks={
        **cases.breaks(_UNDECAYED),
        # a bias that decays would break two
        BIAS_COMPENSATED.name: cases.without_means(examples.with_bias(_UNDECAYED, Bias.OUTPUT)),
        NO_HIDDEN_NOISE.name: examples.with_noise(_UNDECAYED),
        UNDECAYED.name: _DECAYED,
        NO_HIDDEN_BIAS.name: examples.with_bias(_UNDECAYED, Bias.ALL),
    },
)

DECAYED: Final = Theorem(
    id=MORSE_BOTT,
    title="The learning coefficient of a linear network with decay is half the rank of its Hessian",
    statement=(
        "Where every layer decays and all global minima are one orbit of the symmetry, with no flat direction but "
        "those of the orbit, the minima are a manifold on which the loss is a Morse-Bott function: the learning "
        "coefficient is half the rank of the Hessian there, with multiplicity 1."
    ),
    source="Morse-Bott lemma; derived in docs/theory/learning-coefficient.md",
    status=TheoremStatus.PROVED,
    hypotheses=OF_ONE_ORBIT,
    page="docs/theory/learning-coefficient.md",
    holds=_DECAYED,
    breaks={
        **cases.breaks(_DECAYED),
        ALL_DECAYED.name: _UNDECAYED,
        NO_HIDDEN_BIAS.name: examples.with_bias(_DECAYED, Bias.ALL),
        CONVEX_OR_ONE_OUTPUT.name: cases.two_inputs((3, 3, 2), 0.1),
    },
)

THEOREMS: Final = (CLOSED_FORM, DECAYED)
"""In the order of the theory page."""
