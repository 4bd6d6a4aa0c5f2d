"""What is proved about deep linear networks with several outputs and a layer without decay."""

from service.core.ground import examples
from service.core.ground.rules import Theorem
from service.core.several_outputs import cases
from service.core.several_outputs.hypotheses import (
    COMMON,
    NO_HIDDEN_NOISE,
    SOME_UNDECAYED,
    layers_at_least,
)
from service.vocabulary import TheoremStatus

AT_LEAST_TWO = layers_at_least(2)

_UNDECAYED = cases.two_inputs((3, 2), 0.0)
_DECAYED = cases.two_inputs((3, 2), 0.1)

REDUCED_RANK = Theorem(
    id="reduced-rank",
    title="Without decay the minimum is the best map of the rank that the widths allow",
    statement=(
        "In coordinates where the inputs are white let M be the least-squares map. With r the smallest of all widths "
        "and the rank of the inputs, min J is the squared error of M plus the sum of its squared singular values "
        "beyond the r-th. If only some layers are decayed this is the infimum, attained only by the zero map."
    ),
    source="Eckart, Young 1936; Baldi, Hornik 1989 (Neural Networks 2)",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, NO_HIDDEN_NOISE, SOME_UNDECAYED),
    page="docs/theory/reduced-rank.md",
    holds=_UNDECAYED,
    breaks={
        **cases.breaks(_UNDECAYED),
        NO_HIDDEN_NOISE.name: examples.with_noise(_UNDECAYED),
        SOME_UNDECAYED.name: _DECAYED,
    },
)

SADDLES = Theorem(
    id="undecayed-saddles",
    title="Without decay every stationary point that is not global is a saddle, and pivots decide which kind",
    statement=(
        "Stationary maps keep a set S of at most r singular directions of M; the loss adds the squares of the others. "
        "A point is not strict exactly if S leads and every pivot of two layers is tightened: one of its two blocks "
        "has the rank of the whole map. Two layers have strict saddles only."
    ),
    source="Achour, Malgouyres, Gerchinovitz 2021 (arXiv 2107.13289); Kawaguchi 2016",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, NO_HIDDEN_NOISE, SOME_UNDECAYED, AT_LEAST_TWO),
    page="docs/theory/reduced-rank.md",
    holds=_UNDECAYED,
    breaks={
        **cases.breaks(_UNDECAYED),
        NO_HIDDEN_NOISE.name: examples.with_noise(_UNDECAYED),
        SOME_UNDECAYED.name: _DECAYED,
        AT_LEAST_TWO.name: cases.two_inputs((2,), 0.0),
    },
)

THEOREMS = (REDUCED_RANK, SADDLES)
"""In the order of the theory pages."""
