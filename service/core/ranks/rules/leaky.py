"""K-R8: a leaky ReLU layer under a fixed output layer on nearly orthogonal inputs."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from service.core.data_facts.labels import ONE_OUTPUT_LOSSES
from service.core.ground.problems import Layer
from service.core.ground.rules import Judgement
from service.core.ranks import cases
from service.core.ranks.conditions import FLOW, NO_BIAS, NO_DECAY, NO_SKIPS, simple
from service.core.ranks.rule import Condition, RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.vocabulary import Activation, Dynamics, Loss, RankKind, SkipKind, TheoremStatus


def _is_leaky(setting: Setting) -> bool:
    layers = setting.problem.network.layers
    slope = layers[0].slope
    is_one_hidden = len(layers) == 2 and layers[0].frozen_weights is None
    return is_one_hidden and layers[0].activation is Activation.LEAKY_RELU and slope is not None and 0.0 < slope < 1.0


def _fixed_output(setting: Setting) -> Judgement:
    frozen = setting.problem.network.layers[-1].frozen_weights
    if frozen is None:
        return Judgement(False, {}, "the output layer is trained")
    largest, least = float(np.abs(frozen).max()), float(np.abs(frozen).min())
    holds = frozen.shape[0] == 1 and 0.0 < largest <= least * (1.0 + 1e-12)
    return Judgement(holds, {"outputs": frozen.shape[0]}, "" if holds else "its entries are not of one modulus")


def _nearly_orthogonal(setting: Setting) -> Judgement:
    gram, slope = setting.gram, setting.problem.network.layers[0].slope
    if gram is None or setting.problem.samples is None:
        return Judgement(None, {}, "there are no samples, or too many to compare all pairs")
    ratio = min(len(setting.problem.samples.x) * gram.orthogonality_ratio(slope or 1.0), 1e300)
    reason = "" if ratio <= 1.0 else "inner products between samples are too large"
    return Judgement(ratio <= 1.0, {"ratio": ratio}, reason)


def _two(_setting: Setting) -> Mapping[int, RankClaim]:
    return {1: RankClaim(2)}


LEAKY = simple(
    "one trained leaky ReLU layer",
    _is_leaky,
    "layers",
    lambda setting: setting.n_layers,
    "the network is of another kind",
)
ONE_OUTPUT_LOSS = simple(
    "exponential or logistic loss",
    lambda setting: setting.problem.loss in ONE_OUTPUT_LOSSES,
    "loss",
    lambda setting: setting.problem.loss.value,
    "the loss is of another kind",
)
FIXED_OUTPUT = Condition("fixed output weights of one modulus", _fixed_output)
NEARLY_ORTHOGONAL = Condition("nearly orthogonal samples", _nearly_orthogonal)

_OUTPUT = np.array([[0.5, 0.5, -0.5, -0.5]])
_X, _Y = np.eye(4), np.array([[1.0], [-1.0], [-1.0], [1.0]])
_LAYERS = (Layer(4, Activation.LEAKY_RELU, 0.25), Layer(1, frozen_weights=_OUTPUT))
_BASE = cases.setting(_LAYERS, x=_X, y=_Y)

RULE = RankRule(
    id="K-R8",
    title="Leaky ReLU on nearly orthogonal samples: at most two directions",
    statement=(
        "With fixed output weights of one modulus and shortest^2 >= 3 slope^-3 (longest/shortest)^2 n max|x_i.x_j| the "
        "limit of the first layer has two different rows, one for each sign of the output weights, and the boundary is "
        "linear. The condition on the samples is not confirmed from the source."
    ),
    source="Frei et al. 2022 (arXiv 2210.07082)",
    status=TheoremStatus.UNCONFIRMED,
    kind=RankKind.UPPER_LIMIT,
    conditions=(LEAKY, FIXED_OUTPUT, ONE_OUTPUT_LOSS, FLOW, NO_DECAY, NO_SKIPS, NO_BIAS, NEARLY_ORTHOGONAL),
    claims=_two,
    certificate="third singular value of W_1 relative to the first",
    page="docs/theory/rank-rules.md#k-r8",
    holds=_BASE,
    breaks={
        LEAKY.name: cases.with_activation(_BASE, 0, Activation.RELU),
        FIXED_OUTPUT.name: cases.with_layers(_BASE, (_LAYERS[0], Layer(1))),
        ONE_OUTPUT_LOSS.name: cases.with_loss(_BASE, Loss.SQUARED),
        FLOW.name: cases.with_dynamics(_BASE, Dynamics.SGD),
        NO_DECAY.name: cases.with_layers(_BASE, (replace(_LAYERS[0], weight_decay=0.1), _LAYERS[1])),
        NO_SKIPS.name: cases.with_skip(_BASE, 0, 2, SkipKind.TRAINABLE),
        NO_BIAS.name: cases.with_bias(_BASE),
        NEARLY_ORTHOGONAL.name: cases.with_samples(_BASE, _X + 0.2, _Y),
    },
)
