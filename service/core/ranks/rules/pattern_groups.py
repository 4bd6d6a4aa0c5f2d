"""K-D3: a last ReLU layer has one direction for each group of neurons of equal pattern and each output."""

from collections.abc import Mapping

import numpy as np

from service.core.ranks import cases
from service.core.ranks.conditions import (
    CONSTANT_PATTERNS,
    FITTED,
    FLOW,
    HOMOGENEOUS,
    NEVER_DECIDED,
    NO_DECAY,
    RELU_LAST,
)
from service.core.ranks.invariants import groups_of
from service.core.ranks.rule import RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.vocabulary import Activation, Dynamics, Loss, RankKind, SkipKind, TheoremStatus


def _one_for_each_group(setting: Setting) -> Mapping[int, RankClaim]:
    """Needs measured patterns: without a snapshot nothing is said."""
    patterns = setting.patterns(-1) if setting.snapshots else None
    if patterns is None or setting.graph.skips():
        return {}
    last = patterns[-1]
    is_relu = setting.graph.activation(setting.n_layers - 1) is Activation.RELU
    alive = last[:, last.any(axis=0)] if is_relu else last
    if alive.shape[1] == 0:
        return {}
    rank = setting.outputs - (1 if setting.problem.loss is Loss.CROSS_ENTROPY else 0)
    sizes = np.bincount(groups_of(alive))
    return {setting.n_layers - 1: RankClaim(int(np.minimum(sizes, rank).sum()))}


_BASE = cases.setting(cases.RELU, training=cases.FITTED)

RULE = RankRule(
    id="K-D3",
    title="Last ReLU layer: one direction for each group of equal pattern",
    statement=(
        "With patterns eventually constant, the rows of a group of neurons with equal non-zero pattern have a limit of "
        "rank at most min(|group|, rank of what reads them): one for each alive group with one output. Low rank of the "
        "whole matrix is not claimed."
    ),
    source="derived; compare Le, Jegelka (arXiv 2201.11968)",
    status=TheoremStatus.PROVED,
    kind=RankKind.UPPER_LIMIT,
    conditions=(HOMOGENEOUS, RELU_LAST, FLOW, NO_DECAY, FITTED, CONSTANT_PATTERNS),
    claims=_one_for_each_group,
    certificate="stable rank of each group of rows; number of alive groups",
    page="docs/theory/rank-rules.md#k-d3",
    holds=_BASE,
    breaks={
        HOMOGENEOUS.name: cases.with_skip(_BASE, 0, 1, SkipKind.IDENTITY),
        RELU_LAST.name: cases.linear(training=cases.FITTED),
        FLOW.name: cases.with_dynamics(_BASE, Dynamics.SGD),
        NO_DECAY.name: cases.with_decay(_BASE, 0.1),
        FITTED.name: cases.with_loss(_BASE, Loss.SQUARED),
    },
    not_decidable=NEVER_DECIDED,
)
