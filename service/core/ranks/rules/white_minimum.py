"""K-R6 and K-R7: ranks at the global minimum of squared loss with decay on white data."""

import math
from collections.abc import Mapping

import numpy as np

from service.core.ground.problems import Layer
from service.core.ground.rules import Judgement
from service.core.ranks import cases
from service.core.ranks.conditions import (
    ALL_DECAYED,
    ALL_TRAINED,
    LINEAR,
    MINIMUM,
    NO_BIAS,
    NO_NOISE,
    NO_SKIPS,
    ORTHOGONAL,
    SQUARED,
    WHITE,
    simple,
)
from service.core.ranks.rule import Condition, RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.vocabulary import Activation, Dynamics, Loss, RankKind, SkipKind, TheoremStatus

TIE = 1e-10


def kept_threshold(decay: float, n_layers: int) -> float:
    """Singular value above which a direction survives: minimise ``(s - t)^2/2 + decay L t^(2/L)/2`` over t >= 0."""
    if n_layers == 2:
        return decay
    at = (decay * (n_layers - 2)) ** (n_layers / (2.0 * n_layers - 2.0))
    return float(at + decay * at ** (2.0 / n_layers - 1.0))


def _count(values: list[float], threshold: float, most: int) -> RankClaim:
    """How many values exceed the threshold; a value on it leaves the rank open below."""
    surely = sum(value > threshold * (1.0 + TIE) for value in values)
    perhaps = sum(value >= threshold * (1.0 - TIE) for value in values)
    return RankClaim(min(perhaps, most), exact=min(surely, most) == min(perhaps, most))


def _linear_ranks(setting: Setting) -> Mapping[int, RankClaim]:
    moments = setting.problem.moments
    if moments is None:
        return {}
    scale = float(np.trace(moments.xx)) / moments.inputs
    decay = float(np.exp(np.mean(np.log(setting.problem.network.weight_decays)))) / scale
    values = np.linalg.svd(moments.xy, compute_uv=False) / scale
    most = min(min(shape) for shape in setting.graph.shapes)
    claim = _count(values.tolist(), kept_threshold(decay, setting.n_layers), most)
    return dict.fromkeys(range(1, setting.n_layers + 1), claim)


def _relu_ranks(setting: Setting) -> Mapping[int, RankClaim]:
    samples, gram = setting.problem.samples, setting.gram
    if samples is None or gram is None:
        return {}
    decay = len(samples.x) * common_decay(setting.problem.network.weight_decays) / float(np.sqrt(gram.scale))
    if setting.outputs == 1:
        y = samples.y[:, 0]
        atoms = [float(np.linalg.norm(np.maximum(y, 0.0))), float(np.linalg.norm(np.maximum(-y, 0.0)))]
        claim = _count(atoms, decay, 2)
        return {1: claim, 2: RankClaim(min(1, claim.bound), exact=claim.exact)}
    claim = _count([math.sqrt(count) for count in samples.y.sum(axis=0)], decay, setting.outputs)
    return {1: claim, 2: claim}


def _wide_enough(setting: Setting) -> Judgement:
    width = setting.problem.network.layers[0].width
    needed = 2 if setting.outputs == 1 else setting.outputs
    return Judgement(width >= needed, {"width": width, "needed": needed}, "" if width >= needed else "too narrow")


def _simple_targets(setting: Setting) -> Judgement:
    if setting.problem.samples is None:
        return Judgement(None, {}, "there are no samples")
    holds = setting.outputs == 1 or setting.labels_are_targets
    return Judgement(holds, {"outputs": setting.outputs}, "" if holds else "the targets are not one-hot labels")


TWO_LAYERS = simple(
    "two layers, the hidden one ReLU",
    lambda setting: setting.n_layers == 2 and setting.graph.activation(1) is Activation.RELU,
    "layers",
    lambda setting: setting.n_layers,
    "the network is of another kind",
)
DEEP = simple(
    "at least two layers",
    lambda setting: setting.n_layers >= 2,
    "layers",
    lambda setting: setting.n_layers,
    "a single layer keeps every direction",
)
WIDE = Condition("hidden layer wide enough", _wide_enough)
TARGETS = Condition("one output, or one-hot labels", _simple_targets)

_AXES = np.eye(4)
_Y = np.array([[2.0, 0.0], [0.0, 1.0], [0.5, 0.0], [0.0, 0.0]])
_LABELS = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
_LINEAR = cases.minimum((Layer(3, weight_decay=0.05), Layer(2, weight_decay=0.05)), _AXES, _Y)
_RELU = cases.minimum((Layer(3, Activation.RELU, weight_decay=0.05), Layer(2, weight_decay=0.05)), _AXES, _LABELS)
_TILTED = np.array([[1.0, 0.5, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])

RELU = RankRule(
    id="K-R6",
    title="ReLU hidden layer on orthogonal samples: one direction for each class that pays its decay",
    statement=(
        "Orthogonal samples of equal squared length c, objective 1/2||F - Y||^2 + (beta/2)||theta||^2: with "
        "one-hot labels the global minimum has one neuron direction for each class with sqrt(n_k) > beta; with one "
        "output one for each sign of the targets whose norm exceeds beta."
    ),
    source="derived; compare Ergen, Pilanci 2020 (arXiv 2002.09773)",
    status=TheoremStatus.PROVED,
    kind=RankKind.EXACT_MINIMUM,
    conditions=(
        TWO_LAYERS,
        SQUARED,
        ALL_DECAYED,
        ALL_TRAINED,
        NO_SKIPS,
        NO_BIAS,
        NO_NOISE,
        TARGETS,
        WIDE,
        ORTHOGONAL,
        MINIMUM,
    ),
    claims=_relu_ranks,
    certificate="singular values of W_1 against the number of classes",
    page="docs/theory/rank-rules.md#k-r6",
    holds=_RELU,
    breaks={
        TWO_LAYERS.name: cases.with_activation(_RELU, 0, Activation.LINEAR),
        SQUARED.name: cases.with_loss(_RELU, Loss.CROSS_ENTROPY),
        ALL_DECAYED.name: cases.with_decay(_RELU, 0.0),
        ALL_TRAINED.name: cases.with_frozen(_RELU, 0),
        NO_SKIPS.name: cases.with_skip(_RELU, 0, 2, SkipKind.TRAINABLE),
        NO_BIAS.name: cases.with_bias(_RELU),
        NO_NOISE.name: cases.with_noise(_RELU),
        TARGETS.name: cases.with_samples(_RELU, _AXES, _Y),
        WIDE.name: cases.with_layers(
            _RELU, (Layer(1, Activation.RELU, weight_decay=0.05), Layer(2, weight_decay=0.05))
        ),
        ORTHOGONAL.name: cases.with_samples(_RELU, _TILTED, _LABELS),
        MINIMUM.name: cases.with_dynamics(_RELU, Dynamics.GRADIENT_FLOW),
    },
)

LINEAR_NETWORK = RankRule(
    id="K-R7",
    title="Deep linear network on white inputs: the singular values that pay their decay",
    statement=(
        "With xx = c I and G the geometric mean of the decays, each singular value s of xy/c is kept if and only if it "
        "exceeds s*: G/c for two layers, else t + b t^(2/L-1) at t = (b (L-2))^(L/(2L-2)), b = G/c. Every layer has as "
        "many directions as values kept, at most the least width."
    ),
    source="derived; two layers: Ergen, Pilanci 2020 (arXiv 2002.09773)",
    status=TheoremStatus.PROVED,
    kind=RankKind.EXACT_MINIMUM,
    conditions=(
        LINEAR,
        DEEP,
        SQUARED,
        ALL_DECAYED,
        ALL_TRAINED,
        NO_SKIPS,
        NO_BIAS,
        NO_NOISE,
        WHITE,
        MINIMUM,
    ),
    claims=_linear_ranks,
    certificate="gap of the singular values of each layer at its rank",
    page="docs/theory/rank-rules.md#k-r7",
    holds=_LINEAR,
    breaks={
        LINEAR.name: cases.with_activation(_LINEAR, 0, Activation.RELU),
        DEEP.name: cases.with_layers(_LINEAR, (Layer(2, weight_decay=0.05),)),
        SQUARED.name: cases.with_loss(_LINEAR, Loss.CROSS_ENTROPY),
        ALL_DECAYED.name: cases.with_decay(_LINEAR, 0.0),
        ALL_TRAINED.name: cases.with_frozen(_LINEAR, 0),
        NO_SKIPS.name: cases.with_skip(_LINEAR, 0, 2, SkipKind.TRAINABLE),
        NO_BIAS.name: cases.with_bias(_LINEAR),
        NO_NOISE.name: cases.with_noise(_LINEAR),
        WHITE.name: cases.with_samples(_LINEAR, _TILTED, _Y),
        MINIMUM.name: cases.with_dynamics(_LINEAR, Dynamics.GRADIENT_FLOW),
    },
)
