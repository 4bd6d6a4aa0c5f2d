"""K-D1: what gradient flow conserves at each node."""

from collections.abc import Mapping

import numpy as np

from service.core.ranks import cases
from service.core.ranks.conditions import FLOW, PIECEWISE_LINEAR
from service.core.ranks.rule import RankRule, no_claims
from service.core.ranks.setting import Setting
from service.vocabulary import Activation, Dynamics, RankKind, TheoremStatus


def _decay_rate(setting: Setting) -> Mapping[str, float]:
    """Rate at which imbalance decays, where all layers share one decay; in the time of the core's objective."""
    decays = setting.problem.network.weight_decays
    return {"decay_rate": 4.0 * float(decays[0])} if np.all(decays == decays[0]) else {}


RULE = RankRule(
    id="K-D1",
    title="Balance of a node is conserved",
    statement=(
        "C = out^T out - in in^T - b b^T: its diagonal is constant on gradient flow of any loss, its entries between "
        "neurons of equal pattern while patterns last, and the whole matrix at a linear node. With one decay g for all "
        "layers C decays as exp(-4 g t)."
    ),
    source="derived; linear nodes: Du, Hu, Lee 2018 (arXiv 1806.00900); priority: Le, Jegelka (arXiv 2201.11968)",
    status=TheoremStatus.PROVED,
    kind=RankKind.INFORMATION,
    conditions=(PIECEWISE_LINEAR, FLOW),
    claims=no_claims,
    certificate="largest change of a conserved entry relative to max(1, ||W||^2)",
    page="docs/theory/rank-invariants.md",
    holds=cases.linear(),
    breaks={
        PIECEWISE_LINEAR.name: cases.with_activation(cases.linear(), 0, Activation.TANH),
        FLOW.name: cases.with_dynamics(cases.linear(), Dynamics.SGD),
    },
    numbers=_decay_rate,
    covers_convolutions=True,
)
