"""K-D0: between kinks the network is linear in each weight matrix."""

from service.core.ranks import cases
from service.core.ranks.conditions import CONSTANT_PATTERNS, NEVER_DECIDED, PIECEWISE_LINEAR
from service.core.ranks.rule import RankRule, no_claims
from service.vocabulary import Activation, RankKind, TheoremStatus

RULE = RankRule(
    id="K-D0",
    title="Between kinks the network is linear in each matrix",
    statement=(
        "While no neuron changes its activation pattern on the samples, f(x_i) = W_L D_i W_{L-1} ... D_i W_1 x_i with "
        "constant diagonal D: linear in each matrix by itself. The statements for ReLU layers hold on such intervals."
    ),
    source="derived; compare Le, Jegelka, ICLR 2022 (arXiv 2201.11968)",
    status=TheoremStatus.PROVED,
    kind=RankKind.INFORMATION,
    conditions=(PIECEWISE_LINEAR, CONSTANT_PATTERNS),
    claims=no_claims,
    certificate="number of sign changes between snapshots, and least |z| over the samples",
    page="docs/theory/rank-rules.md#k-d0",
    holds=cases.setting(cases.RELU),
    breaks={PIECEWISE_LINEAR.name: cases.with_activation(cases.setting(cases.RELU), 0, Activation.TANH)},
    not_decidable=NEVER_DECIDED,
)
