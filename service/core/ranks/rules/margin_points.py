"""K-D5: limits of homogeneous networks are first-order optimal for the margin, so the first layer lives on the data."""

from collections.abc import Mapping

from service.core.ranks import cases
from service.core.ranks.conditions import FITTED, FLOW, HOMOGENEOUS, NO_DECAY
from service.core.ranks.rule import RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.vocabulary import Activation, Dynamics, Loss, RankKind, TheoremStatus


def _at_most_support(setting: Setting) -> Mapping[int, RankClaim]:
    """Every matrix: at most as many directions as samples, one for each input of the layer; the first: rank X."""
    samples = setting.n_samples
    claims = {} if samples is None else dict.fromkeys(range(1, setting.n_layers + 1), RankClaim(samples))
    return claims if setting.input_rank is None else {**claims, 1: RankClaim(setting.input_rank)}


_BASE = cases.setting(cases.RELU, training=cases.FITTED)

RULE = RankRule(
    id="K-D5",
    title="Limits are optimal points of the margin problem",
    statement=(
        "A homogeneous network that fits every sample grows without bound; limits of its direction are first-order "
        "optimal for min ||theta||^2 with all margins at least 1. So W_l is a combination over the samples of least "
        "margin of back-propagated signals times inputs of the layer (at kinks the signal is a choice, the input not): "
        "rank W_l is at most the number of these samples, and rank W_1 <= rank X."
    ),
    source="Lyu, Li, ICLR 2020 (arXiv 1906.05890); Ji, Telgarsky 2020 (arXiv 2006.06657); the rank: derived",
    status=TheoremStatus.PROVED,
    kind=RankKind.UPPER_LIMIT,
    conditions=(HOMOGENEOUS, FLOW, NO_DECAY, FITTED),
    claims=_at_most_support,
    certificate="number of samples within 2 % of the least margin, and the rank of their inputs",
    page="docs/theory/rank-rules.md#k-d5",
    holds=_BASE,
    breaks={
        HOMOGENEOUS.name: cases.with_activation(_BASE, 0, Activation.TANH),
        FLOW.name: cases.with_dynamics(_BASE, Dynamics.SGD),
        NO_DECAY.name: cases.with_decay(_BASE, 0.1),
        FITTED.name: cases.with_loss(_BASE, Loss.SQUARED),
    },
)
