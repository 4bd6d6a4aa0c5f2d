"""K-R9: very deep decayed networks."""

from service.core.ranks import cases
from service.core.ranks.conditions import ALL_DECAYED, NOT_LINEAR
from service.core.ranks.rule import RankRule, no_claims
from service.vocabulary import RankKind, TheoremStatus

_BASE = cases.with_decay(cases.setting(cases.RELU), 0.1)

RULE = RankRule(
    id="K-R9",
    title="Infinite depth: the rank of the function itself",
    statement=(
        "As depth grows, decayed networks tend to layers with as many large singular values as the function has "
        "bottleneck rank. That rank does not depend on the data alone, so no number is claimed."
    ),
    source="Jacot 2022 (arXiv 2209.15055)",
    status=TheoremStatus.UNCONFIRMED,
    kind=RankKind.INFORMATION,
    conditions=(NOT_LINEAR, ALL_DECAYED),
    claims=no_claims,
    certificate="number of singular values near one in the middle layers",
    page="docs/theory/rank-rules.md#k-r9",
    holds=_BASE,
    breaks={
        NOT_LINEAR.name: cases.with_decay(cases.linear(), 0.1),
        ALL_DECAYED.name: cases.setting(cases.RELU),
    },
)
