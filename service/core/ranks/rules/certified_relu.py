"""K-R10: units and ranks at the certified minimum of a two-layer ReLU network, where it is proved to be unique."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from service.core.convex_losses.differences import HalfSquaredLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Samples
from service.core.ground.rules import Judgement
from service.core.ground.stopping import stopped_after
from service.core.ranks import cases
from service.core.ranks.conditions import ALL_TRAINED, MINIMUM, NO_BIAS, NO_NOISE, NO_SKIPS, SQUARED, simple
from service.core.ranks.rule import Condition, RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.core.relu.minima.uniqueness import uniqueness
from service.core.relu.minimum import CertifiedLoop
from service.core.relu.networks import Objective
from service.core.relu.rows import Span
from service.vocabulary import Activation, Dynamics, Loss, RankKind, SkipKind, TheoremStatus

_TOLERANCE: Final = 1e-8
_CONES: Final = 4_000
_QUESTIONS: Final = 400
_MOST_SAMPLES: Final = 100
_MOST_RANK: Final = 3
_AT_ONCE: Final = 8
"""Samples up to which the minimum is looked for whatever training does: that takes no time."""
_SURE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class UnitsAtMinimum:
    """The units of the only minimum: how many, and the rank of their input weights."""

    count: int
    rank: int


def _units(setting: Setting) -> UnitsAtMinimum | str:
    """The units of the minimum of two layers with these decays, or why they are not known."""
    return setting.problem.once(f"units_at_minimum_{setting.training.dynamics}", lambda: _searched(setting))


def _searched(setting: Setting) -> UnitsAtMinimum | str:
    samples, decays = setting.problem.samples, setting.problem.network.weight_decays
    if samples is None:
        return "there are no samples"
    if not (decays > 0.0).all():
        return "a layer has no decay"
    most = _MOST_SAMPLES if setting.training.dynamics is Dynamics.GLOBAL_MINIMUM else _AT_ONCE
    if len(samples.x) > most or Span.of(samples.x).dimension > _MOST_RANK:
        return "more samples or inputs than a rule looks at; /v1/relu-minima certifies them"
    return _found(samples, decays)


def _found(samples: Samples, decays: FloatArray) -> UnitsAtMinimum | str:
    beta = len(samples.x) * sqrt(float(decays[0])) * sqrt(float(decays[-1]))
    loss = HalfSquaredLoss(np.ascontiguousarray(samples.y[:, 0]))
    objective = Objective(samples.x, loss, beta, 0.0, np.zeros((len(samples.x), 0)))
    with stopped_after(_QUESTIONS):
        found = CertifiedLoop(objective, _TOLERANCE, _CONES).run()
        unique = uniqueness(objective, found.dual.errors, found.value - found.dual.bound)
    if found.gap > _TOLERANCE:
        return "the minimum is not certified within the effort of a rule"
    if not unique.proved:
        return unique.reason
    lengths = found.units.lengths
    values = np.linalg.svd(found.units.w / lengths[:, None], compute_uv=False) if len(lengths) else np.zeros(0)
    if ((values > _SURE * 1e-3) & (values < _SURE)).any():
        return "the rank of the units is not clear"
    return UnitsAtMinimum(len(lengths), int((values >= _SURE).sum()))


def _unique(setting: Setting) -> Judgement:
    found = _units(setting)
    if isinstance(found, str):
        return Judgement(False if found == "a layer has no decay" else None, {}, found)
    width = setting.problem.network.layers[0].width
    holds = width >= found.count
    reason = "" if holds else "the network is narrower than its minimum"
    return Judgement(holds, {"width": width, "units": found.count}, reason)


def _claims(setting: Setting) -> Mapping[int, RankClaim]:
    found = _units(setting)
    if isinstance(found, str):
        return {}
    return {1: RankClaim(found.rank, exact=True), 2: RankClaim(min(1, found.count), exact=True)}


TWO_LAYERS = simple(
    "two layers, the hidden one ReLU, and one output",
    lambda setting: setting.n_layers == 2 and setting.graph.activation(1) is Activation.RELU and setting.outputs == 1,
    "layers",
    lambda setting: setting.n_layers,
    "the network is of another kind",
)
UNIQUE = Condition("a certified minimum that is proved to be unique, and fits the width", _unique)

_X = np.array([[1.0, 0.2], [-0.5, 1.0], [0.3, -1.0], [-1.0, -0.4], [0.8, 0.9]])
_Y = np.array([[1.0], [0.5], [-0.4], [-0.6], [1.2]])
_LAYERS = (Layer(6, Activation.RELU, weight_decay=0.02), Layer(1, weight_decay=0.02))
_HOLDS = cases.minimum(_LAYERS, _X, _Y)

CERTIFIED: Final = RankRule(
    id="K-R10",
    title="Two ReLU layers: the units of the only minimum",
    statement=(
        "Where the minimum over all widths is certified, its units are proved to be the only ones, and the network has "
        "as many, W_1 has at every global minimum the rank of these units, and W_2 rank one, or zero without units."
    ),
    source="derived (docs/theory/relu-networks.md, what is unique)",
    status=TheoremStatus.PROVED,
    kind=RankKind.EXACT_MINIMUM,
    conditions=(TWO_LAYERS, SQUARED, ALL_TRAINED, NO_SKIPS, NO_BIAS, NO_NOISE, UNIQUE, MINIMUM),
    claims=_claims,
    certificate="singular values of W_1 beyond the rank of the units",
    page="docs/theory/rank-rules.md#k-r10",
    holds=_HOLDS,
    breaks={
        TWO_LAYERS.name: cases.with_activation(_HOLDS, 0, Activation.LINEAR),
        SQUARED.name: cases.with_loss(_HOLDS, Loss.CROSS_ENTROPY),
        ALL_TRAINED.name: cases.with_frozen(_HOLDS, 0),
        NO_SKIPS.name: cases.with_skip(_HOLDS, 0, 2, SkipKind.TRAINABLE),
        NO_BIAS.name: cases.with_bias(_HOLDS),
        NO_NOISE.name: cases.with_noise(_HOLDS),
        UNIQUE.name: cases.with_layers(_HOLDS, (Layer(1, Activation.RELU, weight_decay=0.02), _LAYERS[1])),
        MINIMUM.name: cases.with_dynamics(_HOLDS, Dynamics.GRADIENT_FLOW),
    },
)
