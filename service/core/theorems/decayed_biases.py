"""What is proved about linear networks whose biases decay."""

from typing import Final

from service.core.ground import examples
from service.core.ground.hypotheses import ALL_TRAINED, DATA, LINEAR, NO_SKIPS, SQUARED_LOSS
from service.core.ground.rules import Theorem
from service.core.several_outputs import cases
from service.core.several_outputs.hypotheses import BIAS_ON_MEANS, NO_HIDDEN_NOISE
from service.vocabulary import Bias, TheoremStatus

_HOLDS = examples.with_bias(cases.two_inputs((3, 2), 0.1, 0.0, cases.WITH_MEANS), Bias.ALL, decay=0.2)

DECAYED_BIASES: Final = Theorem(
    id="decayed-biases",
    title="Biases that decay amount to a constant input and shrunken means",
    statement=(
        "With one hidden layer, decays g of the weights and h of the biases, min J is that of the network without "
        "biases on inputs (x; kappa), kappa^2 = g_1/h_1, and on moments cov + t m m^T, t = h_2/(1 + h_2), m the mean. "
        "The same holds at any depth with a bias of the output alone, without kappa. With more biases the loss without "
        "their decay is a lower bound."
    ),
    source="derived in docs/theory/decayed-biases.md",
    status=TheoremStatus.PROVED,
    hypotheses=(DATA, SQUARED_LOSS, LINEAR, ALL_TRAINED, NO_SKIPS, NO_HIDDEN_NOISE, BIAS_ON_MEANS),
    page="docs/theory/decayed-biases.md",
    holds=_HOLDS,
    breaks={
        **examples.breaks(_HOLDS),
        NO_HIDDEN_NOISE.name: examples.with_noise(_HOLDS),
        BIAS_ON_MEANS.name: cases.without_means(_HOLDS),
    },
)

THEOREMS = (DECAYED_BIASES,)
