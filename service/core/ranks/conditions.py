"""Conditions that several rank rules share."""

from collections.abc import Callable

import numpy as np

from service.core.data_facts.labels import CLASSIFICATION_LOSSES
from service.core.ground.rules import Fact, Judgement
from service.core.ranks.rule import Condition
from service.core.ranks.setting import Setting
from service.vocabulary import Activation, Bias, Dynamics, Loss, SkipKind

STATIONARY = frozenset({Dynamics.GRADIENT_FLOW, Dynamics.GLOBAL_MINIMUM})
"""Kinds of training that end at a stationary point."""


def simple(
    name: str, check: Callable[[Setting], bool], evidence: str, of: Callable[[Setting], Fact], no: str
) -> Condition:
    """A condition that is always decided, from one quantity."""

    def judgement(setting: Setting) -> Judgement:
        holds = check(setting)
        return Judgement(holds, {evidence: of(setting)}, "" if holds else no)

    return Condition(name, judgement)


def _activations(setting: Setting) -> str:
    return ", ".join(sorted({layer.activation.value for layer in setting.problem.network.layers}))


def _dynamics(setting: Setting) -> str:
    return setting.training.dynamics.value


def _loss(setting: Setting) -> str:
    return setting.problem.loss.value


def _separable(setting: Setting) -> Judgement:
    found = setting.separability
    if found.separable is True:
        return Judgement(True, {"margin": found.margin or 0.0, "how": found.method})
    reason = found.reason or "no linear map through the origin separates the classes"
    return Judgement(found.separable, {"how": found.method}, reason)


def _frozen(setting: Setting) -> int:
    return sum(layer.frozen_weights is not None for layer in setting.problem.network.layers)


def _white(setting: Setting) -> Judgement:
    if setting.whiteness is None:
        return Judgement(None, {}, "there are no data")
    scale, deviation = setting.whiteness
    holds = deviation <= 1e-9
    return Judgement(holds, _measured(scale, deviation), "" if holds else "the inputs are not white")


def _patterns(setting: Setting) -> Judgement:
    """Constant patterns are a statement about all later times, which measurements support but cannot decide."""
    if setting.graph.is_linear:
        return Judgement(None, {"activations": "linear"}, "there are no patterns: the network is linear at all times")
    if len(setting.snapshots) < 2:
        return Judgement(None, {"snapshots": len(setting.snapshots)}, "patterns were not measured")
    before, after = setting.patterns(-2), setting.patterns(-1)
    if before is None or after is None:
        return Judgement(None, {}, "patterns need samples")
    changed = sum(int((old != new).sum()) for old, new in zip(before, after, strict=True))
    reason = "patterns changed between the last snapshots" if changed else "constant so far, which is not a proof"
    return Judgement(None, {"changed_signs": changed}, reason)


def _orthonormal(setting: Setting) -> Judgement:
    gram = setting.gram
    if gram is None:
        reason = "there are no samples, or too many to compare all pairs"
        return Judgement(None, {}, reason)
    holds = gram.deviation <= 1e-9
    reason = "" if holds else "the samples are not orthogonal and of equal length"
    return Judgement(holds, _measured(gram.scale, gram.deviation), reason)


def _measured(scale: float, deviation: float) -> dict[str, Fact]:
    """For inputs that are all zero a relative deviation is not defined."""
    return {"scale": scale, "deviation": deviation} if scale > 0.0 else {"scale": scale}


def _decayed(setting: Setting) -> bool:
    return bool(np.all(setting.problem.network.weight_decays > 0.0))


def _least_decay(setting: Setting) -> float:
    return float(setting.problem.network.weight_decays.min())


def _skips(setting: Setting) -> int:
    return len(setting.graph.skips())


def _bias(setting: Setting) -> str:
    return setting.problem.network.bias.value


def _noise(setting: Setting) -> float:
    network = setting.problem.network
    return max(network.input_noise_variance, *(layer.noise_variance for layer in network.layers))


FLOW = simple(
    "gradient flow",
    lambda setting: setting.training.dynamics is Dynamics.GRADIENT_FLOW,
    "dynamics",
    _dynamics,
    "the training is of another kind",
)
LINEAR = simple(
    "linear activations",
    lambda setting: setting.graph.is_linear,
    "activations",
    _activations,
    "an activation is not linear",
)
PIECEWISE_LINEAR = simple(
    "linear, ReLU or leaky ReLU activations",
    lambda setting: setting.graph.is_piecewise_linear,
    "activations",
    _activations,
    "an activation is not homogeneous",
)
CLASSIFICATION = simple(
    "exponential, logistic or cross-entropy loss",
    lambda setting: setting.problem.loss in CLASSIFICATION_LOSSES,
    "loss",
    _loss,
    "weights stay finite under this loss",
)
CROSS_ENTROPY = simple(
    "cross-entropy loss",
    lambda setting: setting.problem.loss is Loss.CROSS_ENTROPY,
    "loss",
    _loss,
    "the loss is of another kind",
)
SQUARED = simple(
    "squared loss", lambda setting: setting.problem.loss is Loss.SQUARED, "loss", _loss, "the loss is of another kind"
)
NO_DECAY = simple(
    "no weight decay", lambda setting: not setting.is_decayed, "decayed", lambda setting: setting.is_decayed,
    "weights are decayed",
)  # fmt: skip
ALL_DECAYED = simple("every layer decayed", _decayed, "least_weight_decay", _least_decay, "a layer has no decay")
ALL_TRAINED = simple(
    "all layers trained", lambda setting: _frozen(setting) == 0, "frozen_layers", _frozen, "a layer is not trained"
)
NO_SKIPS = simple(
    "no skip connections", lambda setting: _skips(setting) == 0, "skips", _skips, "the network has skip connections"
)
NO_BIAS = simple(
    "no bias", lambda setting: setting.problem.network.bias is Bias.NONE, "bias", _bias, "the network has biases"
)
NO_NOISE = simple("no noise", lambda setting: _noise(setting) == 0.0, "largest_variance", _noise, "a layer has noise")
MINIMUM = simple(
    "global minimum",
    lambda setting: setting.training.dynamics is Dynamics.GLOBAL_MINIMUM,
    "dynamics",
    _dynamics,
    "training need not end at the global minimum",
)
SEPARABLE = Condition("linearly separable classes", _separable)
BELOW_CHANCE = Condition("loss below chance", lambda setting: setting.starts_below_chance)
FITTED = Condition("every sample is fitted", lambda setting: setting.fits_every_sample)
GROWTH = Condition("weights grow without bound", lambda setting: setting.growth)
WHITE = Condition("white inputs", _white)
ORTHOGONAL = Condition("orthogonal samples of equal length", _orthonormal)
HOMOGENEOUS = simple(
    "homogeneous network",
    lambda setting: setting.graph.is_homogeneous,
    "skips",
    _skips,
    "paths of different lengths, a bias beyond the first layer, a frozen layer or another activation",
)
LINEAR_TAIL = simple(
    "two linear layers at the end",
    lambda setting: len(setting.graph.linear_block) >= 2,
    "linear_layers",
    lambda setting: len(setting.graph.linear_block),
    "the last hidden layer is not linear, or a skip meets it",
)
NOT_LINEAR = simple(
    "a nonlinear layer",
    lambda setting: not setting.graph.is_linear,
    "activations",
    _activations,
    "the network is linear",
)
HAS_IDENTITY_SKIP = simple(
    "an identity skip",
    lambda setting: setting.has_identity_skip,
    "skips",
    _skips,
    "the network has no identity skip",
)
NO_FIXED_SKIP = simple(
    "trainable or concatenating skips only",
    lambda setting: not setting.graph.skips(SkipKind.IDENTITY, SkipKind.DIAGONAL),
    "skips",
    _skips,
    "an identity or diagonal skip",
)
RELU_LAST = simple(
    "last hidden layer is ReLU or leaky ReLU",
    lambda setting: (
        setting.n_layers >= 2
        and setting.graph.activation(setting.n_layers - 1) in (Activation.RELU, Activation.LEAKY_RELU)
    ),
    "activations",
    _activations,
    "the last hidden layer is of another kind",
)
ONE_DIRECTION = simple(
    "two classes",
    lambda setting: setting.has_one_direction,
    "outputs",
    lambda setting: setting.outputs,
    "more than one number distinguishes the classes",
)
CONSTANT_PATTERNS = Condition("activation patterns stay constant", _patterns)
NEVER_DECIDED = {CONSTANT_PATTERNS.name: "it is about all later times; a measurement can only support it"}
"""Of rules with a condition about all later times: why no measurement decides it."""
