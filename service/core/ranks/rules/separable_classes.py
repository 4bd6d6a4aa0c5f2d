"""K-R1 and K-R2: one direction distinguishes two classes, in linear networks and the linear end of others."""

from collections.abc import Mapping

from service.core.ground.problems import Layer
from service.core.ranks import cases
from service.core.ranks.conditions import (
    ALL_TRAINED,
    BELOW_CHANCE,
    CLASSIFICATION,
    FLOW,
    GROWTH,
    LINEAR,
    LINEAR_TAIL,
    NO_BIAS,
    NO_DECAY,
    NO_NOISE,
    NO_SKIPS,
    NOT_LINEAR,
    ONE_DIRECTION,
    SEPARABLE,
)
from service.core.ranks.rule import RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.core.ranks.training import Training
from service.vocabulary import Activation, Dynamics, InitialLoss, Loss, RankKind, SkipKind, TheoremStatus


def _every_layer(setting: Setting) -> Mapping[int, RankClaim]:
    return {layer: RankClaim(1, exact=True) for layer in range(1, setting.n_layers + 1)}


def _linear_end(setting: Setting) -> Mapping[int, RankClaim]:
    return dict.fromkeys(setting.graph.linear_block, RankClaim(1, exact=True))


_BASE = cases.linear()
_BELOW = Training(initial_loss=InitialLoss.BELOW_CHANCE)
_MIXED = cases.setting(cases.MIXED, training=cases.FITTED)

LINEAR_NETWORK = RankRule(
    id="K-R1",
    title="Linear network on separable data: every layer has rank one",
    statement=(
        "Two separable classes, loss below chance at the start: every W_l/||W_l|| converges to a matrix of rank one, "
        "adjacent singular vectors align, and the end-to-end map turns into the hard-margin direction. Directions of "
        "hidden layers depend on the start."
    ),
    source="Ji, Telgarsky, ICLR 2019 (arXiv 1810.02032) and 2020 (arXiv 2006.06657); the start: derived",
    status=TheoremStatus.PROVED,
    kind=RankKind.EXACT_LIMIT,
    conditions=(
        LINEAR,
        CLASSIFICATION,
        ONE_DIRECTION,
        FLOW,
        NO_DECAY,
        ALL_TRAINED,
        NO_SKIPS,
        NO_BIAS,
        NO_NOISE,
        SEPARABLE,
        BELOW_CHANCE,
    ),
    claims=_every_layer,
    certificate="stable rank - 1 <= N_l / (||W_l||^2 - N_l); 1 - <v_{l+1}, u_l>^2; cosine to the margin direction",
    page="docs/theory/rank-rules.md#k-r1",
    holds=_BASE,
    breaks={
        LINEAR.name: cases.with_activation(_BASE, 0, Activation.RELU),
        CLASSIFICATION.name: cases.with_loss(_BASE, Loss.SQUARED),
        ONE_DIRECTION.name: cases.three_classes((Layer(4), Layer(3)), _BELOW),
        FLOW.name: cases.with_dynamics(_BASE, Dynamics.SGD),
        NO_DECAY.name: cases.with_decay(_BASE, 0.1),
        ALL_TRAINED.name: cases.with_frozen(_BASE, 0),
        NO_SKIPS.name: cases.with_skip(_BASE, 1, 2, SkipKind.IDENTITY),
        NO_BIAS.name: cases.with_bias(_BASE),
        NO_NOISE.name: cases.with_noise(_BASE),
        SEPARABLE.name: cases.not_separable(_BASE),
        BELOW_CHANCE.name: cases.with_training(_BASE, Training(initial_loss=5.0)),
    },
)

LINEAR_END = RankRule(
    id="K-R2",
    title="ReLU network with linear layers at the end: those have rank one",
    statement=(
        "Two classes, every sample fitted: the linear layers at the end have limits of rank exactly one, aligned with "
        "each other. Nothing of the kind holds for the ReLU layers before them."
    ),
    source="derived; compare Le, Jegelka (arXiv 2201.11968)",
    status=TheoremStatus.PROVED,
    kind=RankKind.EXACT_LIMIT,
    conditions=(NOT_LINEAR, ONE_DIRECTION, LINEAR_TAIL, GROWTH),
    claims=_linear_end,
    certificate="stable rank - 1 <= N_l / (||W_l||^2 - N_l) for the linear layers",
    page="docs/theory/rank-rules.md#k-r2",
    holds=_MIXED,
    breaks={
        NOT_LINEAR.name: cases.linear(training=cases.FITTED),
        ONE_DIRECTION.name: cases.three_classes((Layer(4, Activation.RELU), Layer(4), Layer(3)), cases.FITTED),
        LINEAR_TAIL.name: cases.setting(cases.RELU, training=cases.FITTED),
        GROWTH.name: cases.with_loss(_MIXED, Loss.SQUARED),
    },
)
