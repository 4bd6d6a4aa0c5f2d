"""K-D0: between kinks the network is linear in each weight matrix."""

from service.core.ranks import cases
from service.core.ranks.conditions import PIECEWISE_LINEAR
from service.core.ranks.rule import Condition, RankRule, no_claims
from service.core.ranks.setting import Setting
from service.core.rules import Verdict
from service.vocabulary import Activation, RankKind, TheoremStatus


def _patterns(setting: Setting) -> Verdict:
    """Constant patterns are a statement about all later times, which measurements support but cannot decide."""
    if setting.graph.is_linear:
        return Verdict(None, {"activations": "linear"}, "there are no patterns: the network is linear at all times")
    if len(setting.snapshots) < 2:
        return Verdict(None, {"snapshots": len(setting.snapshots)}, "patterns were not measured")
    before, after = setting.patterns(-2), setting.patterns(-1)
    if before is None or after is None:
        return Verdict(None, {}, "patterns need samples")
    changed = sum(int((old != new).sum()) for old, new in zip(before, after, strict=True))
    reason = "patterns changed between the last snapshots" if changed else "constant so far, which is no proof"
    return Verdict(None, {"changed_signs": changed}, reason)


CONSTANT_PATTERNS = Condition("activation patterns stay constant", _patterns)
NEVER_DECIDED = {CONSTANT_PATTERNS.name: "it is about all later times; a measurement can only support it"}

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
