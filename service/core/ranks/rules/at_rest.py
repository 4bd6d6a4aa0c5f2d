"""K-D9: what the equation of a stationary point says of the rank of each decayed matrix."""

from collections.abc import Mapping

from service.core.ground.rules import Judgement
from service.core.ranks import cases
from service.core.ranks.conditions import NO_NOISE, NO_SKIPS, STATIONARY, simple
from service.core.ranks.rule import Condition, RankClaim, RankRule
from service.core.ranks.setting import Setting
from service.vocabulary import Activation, Dynamics, Loss, RankKind, SkipKind, TheoremStatus


def _decayed_layers(setting: Setting) -> list[int]:
    """Trained layers with decay, from 1."""
    layers = enumerate(setting.problem.network.layers, start=1)
    return [number for number, row in layers if row.weight_decay > 0.0 and row.frozen_weights is None]


def _is_linear(setting: Setting, node: int) -> bool:
    return setting.graph.activation(node) is Activation.LINEAR


def _last_reached(setting: Setting, layer: int) -> int:
    """The last layer to which the output of a layer passes through linear nodes alone."""
    while layer < setting.n_layers and _is_linear(setting, layer):
        layer += 1
    return layer


def _errors_average_to_zero(setting: Setting, layer: int) -> bool:
    """Whether an undecayed bias there, or behind linear nodes, makes what comes back to the layer vanish on average."""
    network = setting.problem.network
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    reached = range(layer - 1, _last_reached(setting, layer))
    return any(network.has_bias(index) and decays[index] == 0.0 for index in reached)


def _bounds(setting: Setting) -> Mapping[int, RankClaim]:
    widths, network, samples = setting.graph.widths, setting.problem.network, setting.n_samples
    # rank of what reaches a layer as a linear function of the inputs, or of the outputs of the last nonlinear node
    rank = widths[0] if setting.input_rank is None else setting.input_rank
    offset, claims = False, {}
    for layer in range(1, setting.n_layers + 1):
        before = min(widths[layer - 1], rank + int(offset and not _errors_average_to_zero(setting, layer)))
        behind = min(widths[layer : _last_reached(setting, layer) + 1])
        if layer in _decayed_layers(setting):
            claims[layer] = RankClaim(min(before, behind, *(() if samples is None else (samples,))))
        offset = (offset or network.has_bias(layer - 1)) and _is_linear(setting, layer)
        rank = min(rank, widths[layer]) if _is_linear(setting, layer) else widths[layer]
    return claims


def _comes_to_rest(setting: Setting) -> Judgement:
    """Where everything is decayed trajectories are bounded, and converge to stationary points."""
    training, network = setting.training, setting.problem.network
    evidence = {"dynamics": training.dynamics.value}
    if training.dynamics not in STATIONARY:
        return Judgement(False, evidence, "this training need not end at a stationary point")
    bounded = all(row.weight_decay > 0.0 or row.frozen_weights is not None for row in network.layers)
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    free = [index for index in network.bias_layers if decays[index] == 0.0]
    # with bounded weights the squared error grows with a bias of the output
    harmless = not free or (setting.problem.loss is Loss.SQUARED and free == [network.n_layers - 1])
    if bounded and harmless:
        return Judgement(True, evidence)
    return Judgement(None, evidence, "a layer or bias without decay may grow for ever: it need not come to rest")


SOME_DECAYED = simple(
    "a trained layer with decay",
    lambda setting: bool(_decayed_layers(setting)),
    "decayed_layers",
    lambda setting: len(_decayed_layers(setting)),
    "no trained layer has decay",
)
COMES_TO_REST = Condition("training ends at a stationary point, or its trajectory is bounded", _comes_to_rest)

_DECAYED = cases.with_decay(cases.linear(), 0.1)

RULE = RankRule(
    id="K-D9",
    title="Decayed matrices at rest are no richer than what passes through them",
    statement=(
        "At a stationary point a matrix with decay g_l is W_l = -(1/(2 g_l)) E[delta_l h_{l-1}^T]. While the "
        "nodes behind it are linear, delta_l = (W_L...W_{l+1})^T delta_L: its rank is at most each width up to "
        "the first nonlinear node and, if there is none, the number of outputs. While the nodes before it are "
        "linear, h_{l-1} is an affine function of the inputs: its rank is at most each width there and the rank "
        "of the inputs, and one more where biases before it add an offset that no undecayed bias behind it takes "
        "away."
    ),
    source="derived",
    status=TheoremStatus.PROVED,
    kind=RankKind.UPPER_STATIONARY,
    conditions=(SOME_DECAYED, NO_SKIPS, NO_NOISE, COMES_TO_REST),
    claims=_bounds,
    certificate="norm of W_l - (the right side), over the norm of W_l",
    page="docs/theory/rank-rules.md#k-d9",
    holds=_DECAYED,
    breaks={
        SOME_DECAYED.name: cases.linear(),
        NO_SKIPS.name: cases.with_skip(_DECAYED, 1, 2, SkipKind.TRAINABLE),
        NO_NOISE.name: cases.with_noise(_DECAYED),
        COMES_TO_REST.name: cases.with_dynamics(_DECAYED, Dynamics.SGD),
    },
)
