"""K-D2 and K-D4: the linear layers at the end inherit the rank of the output."""

from collections.abc import Mapping

from service.core.ground.problems import Layer
from service.core.ranks import cases
from service.core.ranks.conditions import CROSS_ENTROPY, GROWTH, LINEAR_TAIL
from service.core.ranks.rule import RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.vocabulary import Activation, Loss, RankKind, TheoremStatus

CERTIFICATE = "tail_r(W_l) <= N_l + tail_r(W_L) at all times, N_l = sum over j >= l of tr((C_j(0))_-)"


def _as_many_as_outputs(setting: Setting) -> Mapping[int, RankClaim]:
    return dict.fromkeys(setting.graph.linear_block, RankClaim(setting.outputs))


def _one_less(setting: Setting) -> Mapping[int, RankClaim]:
    return dict.fromkeys(setting.graph.linear_block, RankClaim(setting.outputs - 1))


OUTPUTS = RankRule(
    id="K-D2",
    title="Linear layers at the end: at most as many directions as outputs",
    statement=(
        "If the nodes between the last matrices are linear and their norms grow without bound, the limit of "
        "W_l/||W_l|| has rank at most K there, because the tail of the singular values stays below a constant that "
        "the start fixes."
    ),
    source="derived; compare Le, Jegelka (arXiv 2201.11968), Ji, Telgarsky (arXiv 1810.02032)",
    status=TheoremStatus.PROVED,
    kind=RankKind.UPPER_LIMIT,
    conditions=(LINEAR_TAIL, GROWTH),
    claims=_as_many_as_outputs,
    certificate=CERTIFICATE,
    covers_convolutions=True,
    page="docs/theory/rank-rules.md#k-d2",
    holds=cases.linear(),
    breaks={
        LINEAR_TAIL.name: cases.setting(cases.RELU, training=cases.FITTED),
        GROWTH.name: cases.not_separable(cases.linear()),
    },
)

_FOUR = (Layer(4), Layer(4), Layer(3))

CLASSES = RankRule(
    id="K-D4",
    title="Cross-entropy: one direction less than classes",
    statement=(
        "The sum of the rows of the last matrix does not move under softmax cross-entropy, so that the limits of the "
        "linear layers at the end have rank at most K - 1."
    ),
    source="derived",
    status=TheoremStatus.PROVED,
    kind=RankKind.UPPER_LIMIT,
    conditions=(CROSS_ENTROPY, GROWTH),
    claims=_one_less,
    certificate="tail_{K-1}(W_L(t)) <= ||1^T W_L(0)||^2 / K, and the tails of the layers before it",
    covers_convolutions=True,
    page="docs/theory/rank-rules.md#k-d4",
    holds=cases.three_classes(_FOUR, cases.FITTED),
    breaks={
        CROSS_ENTROPY.name: cases.with_loss(cases.linear(), Loss.EXPONENTIAL),
        GROWTH.name: cases.with_decay(
            cases.with_activation(cases.three_classes(_FOUR, cases.FITTED), 0, Activation.RELU), 0.1
        ),
    },
)
