"""K-D8 and K-R5: what weight decay does at stationary points and under stochastic gradient descent."""

import math
from collections.abc import Mapping
from dataclasses import replace

from service.core.ground.rules import Judgement
from service.core.ranks import cases
from service.core.ranks.conditions import ALL_DECAYED, ALL_TRAINED, NO_NOISE, STATIONARY, simple
from service.core.ranks.rule import Condition, RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.core.ranks.training import Training
from service.vocabulary import Dynamics, RankKind, TheoremStatus


def _at_most_samples(setting: Setting) -> Mapping[int, RankClaim]:
    claims: dict[int, RankClaim] = {}
    if setting.n_samples is not None:
        claims = {layer: RankClaim(setting.n_samples) for layer in range(1, setting.n_layers + 1)}
    if setting.input_rank is not None:
        claims[1] = RankClaim(setting.input_rank)
    return claims


def _steps(setting: Setting, layer: int) -> int | None:
    """Steps after which the start has decayed to half the tolerance."""
    training = setting.training
    if training.learning_rate is None:
        return None
    shrink = 2.0 * training.learning_rate * setting.problem.network.layers[layer - 1].weight_decay
    if not 0.0 < shrink < 1.0:
        return None
    return math.ceil(math.log(2.0 / training.tolerance) / -math.log1p(-shrink))


def _gradients_remembered(setting: Setting) -> Mapping[int, RankClaim]:
    batch = setting.training.batch_size
    counts = {layer: _steps(setting, layer) for layer in range(1, setting.n_layers + 1)}
    uses = {layer: _uses(setting, layer) for layer in counts}
    known = {layer: steps for layer, steps in counts.items() if steps is not None}
    return {} if batch is None else {layer: RankClaim(batch * uses[layer] * steps) for layer, steps in known.items()}


def _uses(setting: Setting, layer: int) -> int:
    """Times that a sample meets the matrix: once, or at every place of a convolution."""
    row = setting.problem.network.layers[layer - 1]
    return 1 if row.convolution is None else row.width // row.convolution.channels


def _step_known(setting: Setting) -> Judgement:
    training = setting.training
    if training.batch_size is None or training.learning_rate is None:
        missing = "batch_size" if training.batch_size is None else "learning_rate"
        return Judgement(None, {}, f"training.{missing} is not given")
    holds = all(_steps(setting, layer) is not None for layer in range(1, setting.n_layers + 1))
    reason = "" if holds else "a step does not shrink every layer by a factor between 0 and 1"
    return Judgement(holds, {"batch_size": training.batch_size, "learning_rate": training.learning_rate}, reason)


def _norms_settle(_setting: Setting) -> Judgement:
    return Judgement(None, {}, "whether norms settle, so that ||W_{T-n}|| <= 2 ||W_T||, can only be measured")


ENDS_STATIONARY = simple(
    "training ends at a stationary point",
    lambda setting: setting.training.dynamics in STATIONARY,
    "dynamics",
    lambda setting: setting.training.dynamics.value,
    "this training need not end at a stationary point",
)
SGD = simple(
    "stochastic gradient descent",
    lambda setting: setting.training.dynamics is Dynamics.SGD,
    "dynamics",
    lambda setting: setting.training.dynamics.value,
    "the training is of another kind",
)
NO_MOMENTUM = simple(
    "no momentum",
    lambda setting: setting.training.momentum == 0.0,
    "momentum",
    lambda setting: setting.training.momentum,
    "the statement is for steps without momentum",
)
STEP = Condition("batch size and a step that shrinks the weights", _step_known)
NORMS_SETTLE = Condition("norms of the weights settle", _norms_settle)

_DECAYED = cases.with_decay(cases.linear(), 0.1)
_SGD = cases.with_training(_DECAYED, Training(Dynamics.SGD, batch_size=1, learning_rate=0.5))

STATIONARY_POINT = RankRule(
    id="K-D8",
    title="Decayed weights are sums over the samples",
    statement=(
        "At a stationary point with decay, W_l = -(1/(2 g_l)) E[delta_l h_{l-1}^T]: rank W_l is at most the number of "
        "samples and rank W_1 at most the rank of the inputs; g_out out^T out = g_in in in^T holds exactly."
    ),
    source="derived",
    status=TheoremStatus.PROVED,
    kind=RankKind.UPPER_STATIONARY,
    conditions=(ALL_DECAYED, ALL_TRAINED, NO_NOISE, ENDS_STATIONARY),
    claims=_at_most_samples,
    certificate="norm of the part of W_1 outside the span of the inputs",
    page="docs/theory/rank-rules.md#k-d8",
    holds=_DECAYED,
    breaks={
        ALL_DECAYED.name: cases.linear(),
        ALL_TRAINED.name: cases.with_frozen(_DECAYED, 0),
        NO_NOISE.name: cases.with_noise(_DECAYED),
        ENDS_STATIONARY.name: cases.with_dynamics(_DECAYED, Dynamics.SGD),
    },
)

MINI_BATCH = RankRule(
    id="K-R5",
    title="Mini-batches and decay bound the approximate rank",
    statement=(
        "A step is W <- (1 - 2 mu g) W - mu G with rank G <= B, so W_T differs from a matrix of rank n B by q^n "
        "||W_{T-n}||, q = 1 - 2 mu g. With settled norms the rank up to a relative error eps is at most "
        "B ceil(log(2/eps) / -log q), times the places of a convolution, at each of which a sample meets its kernels."
    ),
    source="Galanti et al. 2022 (arXiv 2206.05794), derived",
    status=TheoremStatus.PROVED,
    kind=RankKind.EPSILON_RANK,
    conditions=(SGD, ALL_DECAYED, ALL_TRAINED, NO_MOMENTUM, STEP, NORMS_SETTLE),
    claims=_gradients_remembered,
    certificate="q^n ||W_{T-n}|| / ||W_T||, exact for any n",
    page="docs/theory/rank-rules.md#k-r5",
    holds=_SGD,
    breaks={
        SGD.name: cases.with_training(_SGD, replace(_SGD.training, dynamics=Dynamics.GRADIENT_FLOW)),
        ALL_DECAYED.name: cases.with_training(cases.linear(), replace(_SGD.training, learning_rate=None)),
        ALL_TRAINED.name: cases.with_frozen(_SGD, 0),
        NO_MOMENTUM.name: cases.with_training(_SGD, replace(_SGD.training, momentum=0.9)),
        STEP.name: cases.with_training(_SGD, replace(_SGD.training, learning_rate=100.0)),
    },
    not_decidable={NORMS_SETTLE.name: "it compares norms at two times of the training"},
    covers_convolutions=True,
)
