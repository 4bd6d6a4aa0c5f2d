"""What is proved about deep linear networks with several outputs and noise on hidden layers."""

from service.core.ground import examples
from service.core.ground.hypotheses import ALL_TRAINED, DATA, LINEAR, NO_SKIPS, SQUARED_LOSS
from service.core.ground.rules import Theorem
from service.core.several_outputs import cases
from service.core.several_outputs.hypotheses import (
    BOUND_ATTAINED,
    COMMON,
    NO_DECAY,
    NOISE_PRESENT,
    ONE_NOISY_LAYER,
    OUTPUT_BIAS_ON_MEANS,
    SEPARABLE,
    WIDE_ENOUGH,
)
from service.vocabulary import Bias, TheoremStatus

_UNDECAYED = cases.two_inputs((3, 2), 0.0)
_NOISY = cases.two_inputs((3, 2), 0.0, 0.5)
_NOISY_BIASED = examples.with_bias(cases.two_inputs((3, 2), 0.0, 0.5, cases.WITH_MEANS), Bias.OUTPUT)

NOISE = Theorem(
    id="noise-water-filling",
    title="Noise lowers the leading singular values by one common amount",
    statement=(
        "With nu = prod_l (1 + s_l/d_l) - 1 and T the nuclear norm in white coordinates, J is at least "
        "||W - M||^2 + nu T^2 + 2 gam T, whose minimiser keeps the singular vectors of M and takes gam + nu T off the "
        "leading singular values. Equalised factors attain it with one noisy layer, or if its rank is one."
    ),
    source="Cavazza et al. 2018 (AISTATS); Mianjy, Arora, Vidal 2018 (ICML); Mianjy, Arora 2019 (arXiv 1905.11887)",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, NOISE_PRESENT, SEPARABLE, BOUND_ATTAINED),
    page="docs/theory/dropout.md",
    holds=_NOISY,
    breaks={
        **cases.breaks(_NOISY),
        NOISE_PRESENT.name: _UNDECAYED,
        SEPARABLE.name: cases.two_inputs((3, 2), 0.1, 0.5),
        BOUND_ATTAINED.name: cases.two_inputs((3, 3, 2), 0.0, 0.05, cases.WHITE),
    },
)

NOISE_UNDER_A_BIAS = Theorem(
    id="noise-under-a-bias",
    title="Noise on one hidden layer under a free output bias is a convex problem in the end-to-end map",
    statement=(
        "The bias takes the means off the error, but noise of variance s on d units sees E[x x^T] = S. With no decay "
        "and enough units, min J is the minimum over W of the squared error on the covariances plus "
        "(s/d)||W S^(1/2)||_*^2, reached by factors whose units all carry the same load."
    ),
    source="derived in docs/theory/dropout.md from Cavazza et al. 2018 (AISTATS)",
    status=TheoremStatus.PROVED,
    hypotheses=(
        DATA,
        SQUARED_LOSS,
        LINEAR,
        ALL_TRAINED,
        NO_SKIPS,
        OUTPUT_BIAS_ON_MEANS,
        ONE_NOISY_LAYER,
        NO_DECAY,
        WIDE_ENOUGH,
    ),
    page="docs/theory/dropout.md",
    holds=_NOISY_BIASED,
    breaks={
        **examples.breaks(_NOISY_BIASED),
        OUTPUT_BIAS_ON_MEANS.name: examples.with_bias(_NOISY_BIASED, Bias.ALL),
        ONE_NOISY_LAYER.name: examples.with_bias(cases.two_inputs((3, 2), 0.0, 0.0, cases.WITH_MEANS), Bias.OUTPUT),
        NO_DECAY.name: examples.with_bias(cases.two_inputs((3, 2), 0.1, 0.5, cases.WITH_MEANS), Bias.OUTPUT),
        WIDE_ENOUGH.name: examples.with_bias(cases.two_inputs((1, 2), 0.0, 0.5, cases.WITH_MEANS), Bias.OUTPUT),
    },
)

THEOREMS = (NOISE, NOISE_UNDER_A_BIAS)
"""In the order of the theory pages."""
