"""What gradient flow conserves at each node, and by how much weights have drifted from it.

For a node with incoming trained matrices ``In``, bias b and outgoing ones ``Out`` the balance matrix is
``C = Out^T Out - In In^T - b b^T``.  See ``docs/theory/rank-invariants.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ranks.graph import Graph
from service.core.ranks.snapshot import Snapshot
from service.vocabulary import Activation, Conserved, SkipKind


@dataclass(frozen=True)
class Invariant:
    """What is conserved at a node, or summed over the nodes of a stream, or decays in the same way in every flow.

    Attributes
    ----------
    nodes : tuple of int
        One node, or all nodes that identity skips join.
    part : Conserved
        The part of the balance matrix that at time t is ``exp(-rate t)`` times what it was at the start.
    statement : str
        In words, with the formula.
    reason : str
        Why no larger part follows such a law; empty where the whole matrix does.
    rate : float
        4 g where everything at the node is decayed by g, in the core's convention; 0 without decay.
    """

    nodes: tuple[int, ...]
    part: Conserved
    statement: str
    reason: str
    rate: float = 0.0

    @property
    def conserved(self) -> Conserved:
        """The part that stays as it is."""
        return Conserved.NONE if self.rate else self.part


def invariants_of(graph: Graph) -> tuple[Invariant, ...]:
    """Every hidden node with what gradient flow conserves there, or with the law by which decay lets it fall."""
    found: list[Invariant] = []
    streams = _streams(graph)
    in_streams = {node for stream in streams for node in stream}
    found.extend(_at_node(graph, node) for node in range(1, graph.network.n_layers) if node not in in_streams)
    found.extend(_at_stream(graph, stream) for stream in streams)
    decayed = (_with_decay(graph, row) for row in found)
    return tuple(sorted(decayed, key=lambda row: row.nodes))


def balance(graph: Graph, snapshot: Snapshot, nodes: Sequence[int]) -> FloatArray:
    """``C`` at a node, or its sum over a stream; shape (width, width)."""
    if graph.channels(nodes[0]) is not None:
        return np.diag(_at_maps(graph, snapshot, nodes[0]))
    total = np.zeros((graph.widths[nodes[0]],) * 2)
    for node in nodes:
        total = total + _outgoing(graph, snapshot, node) - _incoming(graph, snapshot, node)
    return total


def conserved_entries(graph: Graph, invariant: Invariant, patterns: FloatArray | None = None) -> BoolArray:
    """Mask of the entries of ``C`` that follow the law of the invariant.

    Parameters
    ----------
    graph : Graph
    invariant : Invariant
    patterns : (n, width) array, optional
        Slopes of the node's neurons on the samples, where they are known to be constant: entries between
        neurons of equal pattern then follow it as well.
    """
    width = graph.units(invariant.nodes[0])
    if invariant.part is Conserved.NONE:
        return np.zeros((width, width), dtype=np.bool_)
    if invariant.part is Conserved.MATRIX:
        return np.ones((width, width), dtype=np.bool_)
    mask: BoolArray = np.eye(width, dtype=np.bool_)
    if invariant.part is Conserved.BLOCKS and patterns is not None:
        groups = groups_of(patterns)
        mask = groups[:, np.newaxis] == groups[np.newaxis, :]
    return mask


def drift(
    graph: Graph, invariant: Invariant, before: Snapshot, after: Snapshot, mask: BoolArray, time: float = 0.0
) -> float:
    """Largest deviation of an entry from its law, relative to ``max(1, ||W||^2)`` of the weights around the node.

    ``mask`` (width, width) says which entries follow it, ``time`` what lies between the snapshots.
    """
    expected = np.exp(-invariant.rate * time) * balance(graph, before, invariant.nodes)
    change = np.abs(balance(graph, after, invariant.nodes) - expected)
    scale = max(1.0, *(float(np.sum(after.weights[node - 1] ** 2)) for node in invariant.nodes))
    return float(np.max(change[mask], initial=0.0)) / scale


def groups_of(patterns: FloatArray) -> IntArray:
    """Number of the group of each neuron: equal slopes on all samples; shape (width,)."""
    _, groups = np.unique(patterns, axis=1, return_inverse=True)
    return np.asarray(groups, dtype=np.int_).reshape(-1)


def channel_balance(kernels_in: FloatArray, kernels_out: FloatArray, bias: FloatArray | None = None) -> FloatArray:
    """What gradient flow conserves for each channel between two convolutions with shared kernels.

    Parameters
    ----------
    kernels_in : (channels, inputs, ...) array
    kernels_out : (outputs, channels, ...) array
    bias : (channels, ...) array, optional

    Returns
    -------
    (channels,) array
        ``||kernels that read c||^2 - ||kernels that write c||^2 - b_c^2``.
    """
    channels = kernels_in.shape[0]
    read = np.sum(np.moveaxis(kernels_out, 1, 0).reshape(channels, -1) ** 2, axis=1)
    written = np.sum(kernels_in.reshape(channels, -1) ** 2, axis=1)
    difference: FloatArray = read - written
    return difference if bias is None else difference - np.sum(bias.reshape(channels, -1) ** 2, axis=1)


def _with_decay(graph: Graph, found: Invariant) -> Invariant:
    """The law under the decays of everything that is trained at the nodes."""
    decays = _decays_at(graph, found.nodes)
    if found.part is Conserved.NONE or not any(decays):
        return found
    if len(decays) > 1:
        reason = "not everything that is trained at the node has the same decay"
        return Invariant(found.nodes, Conserved.NONE, "nothing is conserved, and nothing decays by itself", reason)
    (decay,) = decays
    statement = f"exp(4 g t) times the {found.statement.removeprefix('the ')}, where g is the decay: it falls to zero"
    return Invariant(found.nodes, found.part, statement, found.reason, 4.0 * decay)


def _decays_at(graph: Graph, nodes: tuple[int, ...]) -> set[float]:
    """Decays, in the core's convention, of the weights and biases whose squares stand in the balance."""
    network, found = graph.network, set()
    for node in nodes:
        read = (index for index, blocks in enumerate(graph.blocks_read) if node in {source for source, _ in blocks})
        found |= {network.layers[index].weight_decay for index in (node - 1, *read)}
        if network.has_bias(node - 1):
            found.add(network.bias_weight_decays[node - 1] if network.bias_weight_decays else 0.0)
        skips = zip(graph.skips(), network.skips, strict=True)
        found |= {skip.weight_decay for edge, skip in skips if edge.trained and node in (edge.source, edge.target)}
    return found


def _at_maps(graph: Graph, snapshot: Snapshot, node: int) -> FloatArray:
    """That balance at a node which a convolution writes or reads; a dense side is cut into the feature maps."""
    maps, bias = graph.units(node), snapshot.biases[node - 1]
    written = snapshot.weights[node - 1].reshape(maps, -1)
    following = snapshot.weights[node]
    return channel_balance(written, following.reshape(len(following), maps, -1), bias)


def _at_node(graph: Graph, node: int) -> Invariant:
    formula = "out^T out - in in^T - b b^T"
    activation = graph.activation(node)
    if not _is_piecewise_linear(activation):
        return Invariant((node,), Conserved.NONE, "nothing is known", f"{activation.value} is not piecewise linear")
    if any(not edge.trained for edge in graph.edges if node in (edge.source, edge.target) and edge.layer is not None):
        return Invariant((node,), Conserved.NONE, "nothing is conserved", "a weight matrix at this node is frozen")
    if graph.channels(node) is not None:
        return _at_feature_maps(node)
    return _at_dense_node(graph, node, formula)


def _at_feature_maps(node: int) -> Invariant:
    statement = "for each feature map ||kernels that read it||^2 - ||kernels that write it||^2 - ||its bias||^2"
    return Invariant((node,), Conserved.DIAGONAL, statement, "kernels are shared between places")


def _at_dense_node(graph: Graph, node: int, formula: str) -> Invariant:
    if any(edge.kind is SkipKind.DIAGONAL for edge in graph.touching(node)):
        return Invariant((node,), Conserved.DIAGONAL, f"diagonal of {formula}", "a diagonal skip meets the node")
    if graph.network.layers[node - 1].noise_variance > 0.0:
        return Invariant((node,), Conserved.DIAGONAL, f"diagonal of {formula}", "noise acts on each neuron by itself")
    if graph.activation(node) is Activation.LINEAR:
        return Invariant((node,), Conserved.MATRIX, f"the whole matrix {formula}", "")
    reason = "neurons with different activation patterns exchange weight"
    statement = f"diagonal of {formula}, and its entries between neurons of equal pattern while patterns last"
    return Invariant((node,), Conserved.BLOCKS, statement, reason)


def _at_stream(graph: Graph, stream: tuple[int, ...]) -> Invariant:
    formula = "sum over the stream of out^T out - in in^T - b b^T"
    if 0 in stream or graph.network.n_layers in stream:
        hidden = tuple(node for node in stream if 0 < node < graph.network.n_layers) or (1,)
        reason = "the stream of identity skips contains the input or the output"
        return Invariant(hidden, Conserved.NONE, "nothing is known", reason)
    if any(graph.activation(node) is not Activation.LINEAR for node in stream):
        reason = "a node of the stream of identity skips is not linear"
        return Invariant(stream, Conserved.NONE, "nothing is known", reason)
    if any(
        not edge.trained for edge in graph.edges if edge.layer is not None and {edge.source, edge.target} & {*stream}
    ):
        return Invariant(stream, Conserved.NONE, "nothing is conserved", "a weight matrix at the stream is frozen")
    touching = [edge for node in stream for edge in graph.touching(node)]
    if any(edge.kind is SkipKind.DIAGONAL for edge in touching):
        return Invariant(stream, Conserved.DIAGONAL, f"diagonal of the {formula}", "a diagonal skip meets the stream")
    return Invariant(stream, Conserved.MATRIX, f"the whole {formula}", "single nodes of a stream conserve nothing")


def _streams(graph: Graph) -> tuple[tuple[int, ...], ...]:
    """Nodes that identity skips join, as sorted groups."""
    group = list(range(graph.network.n_layers + 1))
    for edge in graph.skips(SkipKind.IDENTITY):
        old, new = group[edge.target], group[edge.source]
        group = [new if name == old else name for name in group]
    joined = (tuple(node for node, name in enumerate(group) if name == wanted) for wanted in sorted(set(group)))
    return tuple(stream for stream in joined if len(stream) > 1)


def _is_piecewise_linear(activation: Activation) -> bool:
    return activation in (Activation.LINEAR, Activation.RELU, Activation.LEAKY_RELU)


def _outgoing(graph: Graph, snapshot: Snapshot, node: int) -> FloatArray:
    total = np.zeros((graph.widths[node],) * 2)
    for index in range(graph.network.n_layers):
        for source, columns in graph.blocks_read[index]:
            if source == node:
                block = snapshot.weights[index][:, columns]
                total = total + block.T @ block
    for number, edge in enumerate(graph.skips()):
        weight = snapshot.skips[number]
        if edge.source == node and weight is not None:
            total = total + (np.diag(weight**2) if weight.ndim == 1 else weight.T @ weight)
    return total


def _incoming(graph: Graph, snapshot: Snapshot, node: int) -> FloatArray:
    weight, bias = snapshot.weights[node - 1], snapshot.biases[node - 1]
    total: FloatArray = weight @ weight.T
    if bias is not None:
        total = total + np.outer(bias, bias)
    for number, edge in enumerate(graph.skips()):
        skip = snapshot.skips[number]
        if edge.target == node and skip is not None:
            total = total + (np.diag(skip**2) if skip.ndim == 1 else skip @ skip.T)
    return total
