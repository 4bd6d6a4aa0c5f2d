"""K-D6, K-R3 and K-D7: trainable, concatenating and identity skips."""

from collections.abc import Mapping

from service.core.ground.rules import Judgement
from service.core.ranks import cases
from service.core.ranks.conditions import (
    CLASSIFICATION,
    FLOW,
    GROWTH,
    HAS_IDENTITY_SKIP,
    NO_DECAY,
    NO_FIXED_SKIP,
    simple,
)
from service.core.ranks.graph import Edge, Graph
from service.core.ranks.rule import Condition, RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.vocabulary import Activation, Dynamics, Loss, RankKind, SkipKind, TheoremStatus


def _count(*kinds: SkipKind) -> Condition:
    names = " or ".join(kind.value for kind in kinds)
    return simple(
        f"a skip of kind {names}",
        lambda setting: bool(setting.graph.skips(*kinds)),
        "skips",
        lambda setting: len(setting.graph.skips(*kinds)),
        "there is none",
    )


def ranks_through(graph: Graph, at_output: int) -> Mapping[int, int]:
    """Upper bounds of the limit rank of everything that enters each node, by node.

    In the limit ``in in^T = out^T out`` at every linear node that no fixed or diagonal skip touches, so that
    the rank of what enters is at most the sum of the ranks of what leaves.
    """
    bounds = {graph.network.n_layers: at_output}
    fixed = graph.skips(SkipKind.IDENTITY, SkipKind.DIAGONAL)
    for node in range(graph.network.n_layers - 1, 0, -1):
        leaving = [_reader(edge) for edge in graph.edges if edge.source == node]
        is_open = graph.activation(node) is not Activation.LINEAR or bool(graph.touching(node, fixed))
        if not is_open and all(target in bounds for target in leaving):
            bounds[node] = sum(bounds[target] for target in leaving)
    return bounds


def _reader(edge: Edge) -> int:
    """The node that a connection ends in; what is concatenated is read by the matrix after its target."""
    return edge.target + 1 if edge.kind is SkipKind.CONCATENATE else edge.target


def _claims(setting: Setting) -> Mapping[int, RankClaim]:
    at_output = setting.outputs - (1 if setting.problem.loss is Loss.CROSS_ENTROPY else 0)
    return {node: RankClaim(bound) for node, bound in ranks_through(setting.graph, at_output).items()}


def _last_writer(setting: Setting) -> Mapping[int, RankClaim]:
    last = setting.n_layers - 1
    joins = any(edge.target == last for edge in setting.graph.skips(SkipKind.IDENTITY))
    return {last: RankClaim(setting.outputs)} if joins else {}


def _not_measured(_setting: Setting) -> Judgement:
    return Judgement(None, {}, "that the gradient turns into the direction of the weights can only be measured")


TRAINABLE_SKIP = _count(SkipKind.TRAINABLE)
CONCATENATED = _count(SkipKind.CONCATENATE)
ALIGNED = Condition("the gradient aligns with the weights", _not_measured)

_TRAINABLE = cases.with_skip(cases.setting(cases.MIXED), 0, 2, SkipKind.TRAINABLE)
_DENSE = cases.with_skip(cases.setting(cases.MIXED), 1, 2, SkipKind.CONCATENATE)
_IDENTITY = cases.with_skip(cases.linear(), 1, 2, SkipKind.IDENTITY)
_PAGE = "docs/theory/rank-rules.md"

TRAINABLE = RankRule(
    id="K-D6",
    title="A trainable skip into a linear node shares its left space",
    statement=(
        "At a linear node what enters, [Z V] side by side, has in the limit at most the rank of what leaves; with one "
        "linear node before K outputs the skip Z and the layer V share a left space of dimension K."
    ),
    source="derived",
    status=TheoremStatus.PROVED,
    kind=RankKind.UPPER_LIMIT,
    conditions=(TRAINABLE_SKIP, NO_FIXED_SKIP, GROWTH),
    claims=_claims,
    certificate="stable rank of [Z V]",
    page=f"{_PAGE}#k-d6",
    holds=_TRAINABLE,
    breaks={
        TRAINABLE_SKIP.name: cases.setting(cases.MIXED),
        NO_FIXED_SKIP.name: cases.with_skip(_TRAINABLE, 1, 2, SkipKind.IDENTITY),
        GROWTH.name: cases.with_loss(_TRAINABLE, Loss.SQUARED),
    },
)

DENSE = RankRule(
    id="K-R3",
    title="Dense connections add the ranks of their readers",
    statement=(
        "At a linear node in in^T = out^T out in the limit, where out stacks the columns of every later matrix that "
        "reads the node: the rank of what enters is at most the sum of the ranks of its readers."
    ),
    source="derived",
    status=TheoremStatus.PROVED,
    kind=RankKind.UPPER_LIMIT,
    conditions=(CONCATENATED, NO_FIXED_SKIP, GROWTH),
    claims=_claims,
    certificate="stable rank of each matrix against the sum over its readers",
    page=f"{_PAGE}#k-r3",
    holds=_DENSE,
    breaks={
        CONCATENATED.name: cases.setting(cases.MIXED),
        NO_FIXED_SKIP.name: cases.with_skip(_DENSE, 1, 2, SkipKind.IDENTITY),
        GROWTH.name: cases.with_loss(_DENSE, Loss.SQUARED),
    },
)

IDENTITY = RankRule(
    id="K-D7",
    title="Identity skip: low rank only if the gradient aligns",
    statement=(
        "Nodes joined by identity skips conserve only a sum over the stream; the network is not homogeneous. If the "
        "negative gradient turns into the direction of the weights, the last matrix that writes into the stream has "
        "rank at most K."
    ),
    source="derived under an alignment that is not proved",
    status=TheoremStatus.UNCONFIRMED,
    kind=RankKind.UPPER_LIMIT,
    conditions=(HAS_IDENTITY_SKIP, CLASSIFICATION, FLOW, NO_DECAY, ALIGNED),
    claims=_last_writer,
    certificate="cosine of negative gradient and weights; conserved sum over the stream",
    page=f"{_PAGE}#k-d7",
    holds=_IDENTITY,
    breaks={
        HAS_IDENTITY_SKIP.name: cases.linear(),
        CLASSIFICATION.name: cases.with_loss(_IDENTITY, Loss.SQUARED),
        FLOW.name: cases.with_dynamics(_IDENTITY, Dynamics.SGD),
        NO_DECAY.name: cases.with_decay(_IDENTITY, 0.1),
    },
    not_decidable={ALIGNED.name: "it is about the limit; a measurement can only support it"},
)
