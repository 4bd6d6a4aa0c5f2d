"""K-R4: the fit of least norm has ratios of norms that are large on average over the layers."""

import math
from collections.abc import Mapping

import numpy as np

from service.core.ground.problems import Layer
from service.core.ground.rules import Judgement
from service.core.ranks import cases
from service.core.ranks.conditions import NO_BIAS, NO_SKIPS, simple
from service.core.ranks.rule import Condition, RankRule, no_claims
from service.core.ranks.setting import Setting
from service.core.ranks.training import Teacher, Training
from service.vocabulary import Activation, Dynamics, Loss, RankKind, SkipKind, TheoremStatus


def _is_relu(setting: Setting) -> bool:
    layers = setting.problem.network.layers
    return all(layer.activation is Activation.RELU for layer in layers[:-1]) and len(layers) >= 2


def _teacher(setting: Setting) -> Judgement:
    teacher = setting.training.teacher
    if teacher is None:
        return Judgement(False, {}, "no smaller network that fits the data is stated")
    narrowest = min(setting.problem.network.hidden_widths, default=0)
    holds = 2 <= teacher.depth < setting.n_layers and 2 <= teacher.width <= narrowest
    facts = {"depth": teacher.depth, "width": teacher.width, "norm_bound": teacher.norm_bound}
    return Judgement(holds, facts, "" if holds else "the stated network is not shallower and at most as wide")


def _short_input(setting: Setting) -> Judgement:
    if setting.problem.samples is None:
        return Judgement(None, {}, "there are no samples")
    x, y = setting.problem.samples.x, setting.problem.samples.y
    lengths = np.linalg.norm(x, axis=1)
    is_regression = setting.problem.loss is Loss.SQUARED
    eligible = lengths[y.max(axis=1) >= 1.0] if is_regression else lengths
    least = float(eligible.min(initial=math.inf))
    reason = "" if least <= 1.0 else "every such sample is longer than 1"
    return Judgement(least <= 1.0, {"shortest": min(least, 1e300)}, reason)


def average_bound(setting: Setting) -> Mapping[str, float]:
    """Lower bound of the mean over the layers of ``||W||_2 / ||W||_F``, and what it says of the layers."""
    teacher, depth = setting.training.teacher, setting.n_layers
    if teacher is None:
        return {}
    share = teacher.depth / depth
    if setting.problem.loss is Loss.SQUARED:
        bound = (1.0 / teacher.norm_bound) ** share
    else:
        bound = (math.sqrt(2.0) / teacher.norm_bound) ** share * math.sqrt(depth / (depth + 1)) / math.sqrt(2.0)
    trivial = float(np.mean([1.0 / math.sqrt(min(shape)) for shape in setting.graph.shapes]))
    many = depth * (1.0 - bound) / (1.0 - 1.0 / math.sqrt(2.0))
    return {"mean_ratio_at_least": bound, "trivial_bound": trivial, "layers_of_stable_rank_two_at_most": many}


RELU_HIDDEN = simple(
    "ReLU hidden layers",
    _is_relu,
    "layers",
    lambda setting: setting.n_layers,
    "a hidden layer is not a ReLU layer, or there is no hidden layer",
)
LEAST_NORM = simple(
    "fit of least norm",
    lambda setting: setting.training.dynamics is Dynamics.MINIMUM_NORM,
    "dynamics",
    lambda setting: setting.training.dynamics.value,
    "gradient flow reaches an optimal point of first order only",
)
TEACHER = Condition("a smaller network fits the data", _teacher)
SHORT_INPUT = Condition("a sample of length at most one", _short_input)

_DEEP = (Layer(4, Activation.RELU), Layer(4, Activation.RELU), Layer(1))
_BASE = cases.setting(_DEEP, x=0.3 * cases.INPUTS, training=cases.TEACHER)

RULE = RankRule(
    id="K-R4",
    title="Fit of least norm: low stable rank on average over the layers",
    statement=(
        "If a ReLU network of k layers with norms at most B fits the data, the fit of least norm with k' > k has "
        "mean over the layers of ||W||_2/||W||_F at least (1/B)^(k/k') for regression, and "
        "(1/sqrt 2)(sqrt 2/B)^(k/k') sqrt(k'/(k'+1)) for margins. It is an average, never a rank of one layer."
    ),
    source="Timor, Vardi, Shamir, ALT 2023 (arXiv 2201.12760)",
    status=TheoremStatus.CONFIRMED,
    kind=RankKind.AVERAGE_BOUND,
    conditions=(RELU_HIDDEN, NO_BIAS, NO_SKIPS, LEAST_NORM, TEACHER, SHORT_INPUT),
    claims=no_claims,
    certificate="mean over the layers of ||W||_2 / ||W||_F",
    page="docs/theory/rank-rules.md#k-r4",
    holds=_BASE,
    breaks={
        RELU_HIDDEN.name: cases.with_activation(_BASE, 0, Activation.LINEAR),
        NO_BIAS.name: cases.with_bias(_BASE),
        NO_SKIPS.name: cases.with_skip(_BASE, 1, 2, SkipKind.IDENTITY),
        LEAST_NORM.name: cases.with_dynamics(_BASE, Dynamics.GRADIENT_FLOW),
        TEACHER.name: cases.with_training(_BASE, Training(Dynamics.MINIMUM_NORM, teacher=Teacher(5, 4, 2.0))),
        SHORT_INPUT.name: cases.with_samples(_BASE, cases.INPUTS, cases.SIGNS),
    },
    numbers=average_bound,
)
