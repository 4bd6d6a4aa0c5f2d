"""What is proved about one linear layer under convex losses."""

from dataclasses import replace
from typing import Final

from service.core.ground.hypotheses import ALL_TRAINED, DATA, LINEAR, NO_SKIPS
from service.core.ground.problems import Skip
from service.core.ground.rules import Theorem
from service.core.landscapes.cases import case, labelled, with_layer, with_loss, with_network, with_widths
from service.core.one_layer.hypotheses import COMMON, KNOWN_LOSS, ONE_LAYER, QUIET, SAMPLES
from service.vocabulary import Activation, Loss, SkipKind, TheoremStatus

_HOLDS = case((1,), labelled(separable=False), decay=0.1, loss=Loss.LOGISTIC)
_FROZEN = _HOLDS.data.xy.T

DUALITY: Final = Theorem(
    id="convex-layer",
    title="One linear layer under a convex loss: errors of its predictions bound every weight",
    statement=(
        "J(W, b) = E l(W x + b, y) + g |W|^2 + h |b|^2 is convex. For weights W with predictions p, and any errors v "
        "(one for each sample and output), J is at least E s(v) + g |W|^2 + h |b|^2 less the squares of the entries of "
        "E v x^T - 2 g W over 4 g, and of E v - 2 h b over 4 h, where s(v) is the height at p of the line of slope -v "
        "below l. Without decay these entries must vanish. The bound is J(W, b) itself at the minimum, for v = -l'(p)."
    ),
    source="Fenchel duality; derived in docs/theory/linear-losses.md",
    status=TheoremStatus.PROVED,
    hypotheses=COMMON,
    page="docs/theory/linear-losses.md",
    holds=_HOLDS,
    breaks={
        DATA.name: replace(_HOLDS, moments=None, samples=None),
        SAMPLES.name: replace(_HOLDS, samples=None),
        ONE_LAYER.name: with_widths(_HOLDS, 2),
        LINEAR.name: with_layer(_HOLDS, 0, activation=Activation.TANH),
        KNOWN_LOSS.name: with_loss(_HOLDS, Loss.EXPONENTIAL),
        ALL_TRAINED.name: with_layer(_HOLDS, 0, frozen_weights=_FROZEN, weight_decay=0.0),
        NO_SKIPS.name: with_network(_HOLDS, skips=(Skip(0, 1, SkipKind.TRAINABLE),)),
        QUIET.name: with_network(_HOLDS, input_noise_variance=0.1),
    },
)

THEOREMS: Final = (DUALITY,)
"""In the order of the theory pages."""
