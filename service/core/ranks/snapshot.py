"""Weights of a whole network at one moment, and the network evaluated and differentiated there."""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network
from service.core.ranks.graph import Edge, Graph
from service.vocabulary import Activation, SkipKind


@dataclass(frozen=True)
class Snapshot:
    """Weights at one moment.

    Attributes
    ----------
    weights : tuple of (width, columns) arrays
    biases : tuple of (width,) arrays or None
    skips : tuple of arrays or None
        In the order of the network's skips: a matrix for ``trainable``, a vector for ``diagonal``, else None.
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray | None, ...]
    skips: tuple[FloatArray | None, ...] = ()

    @property
    def norm(self) -> float:
        """Euclidean norm of everything that is trained or frozen here."""
        parts = (*self.weights, *self.biases, *self.skips)
        return float(np.sqrt(sum(float(np.sum(part * part)) for part in parts if part is not None)))

    def scaled(self, factor: float) -> "Snapshot":
        """All weights times a number."""

        def times(parts: tuple[FloatArray | None, ...]) -> tuple[FloatArray | None, ...]:
            return tuple(None if part is None else factor * part for part in parts)

        return Snapshot(tuple(factor * weight for weight in self.weights), times(self.biases), times(self.skips))


def blank(graph: Graph) -> Snapshot:
    """All weights zero."""
    network = graph.network
    weights = tuple(np.zeros(shape) for shape in graph.shapes)
    biases = tuple(
        np.zeros(graph.bias_width(index)) if network.has_bias(index) else None for index in range(network.n_layers)
    )
    skips = tuple(np.zeros(shape) if shape else None for shape in (graph.skip_shape(edge) for edge in graph.skips()))
    return Snapshot(weights, biases, skips)


def flatten(snapshot: Snapshot) -> FloatArray:
    """All numbers in one vector (P,): weights, biases, skips."""
    parts = (*snapshot.weights, *snapshot.biases, *snapshot.skips)
    return np.concatenate([part.ravel() for part in parts if part is not None])


def unflatten(vector: FloatArray, like: Snapshot) -> Snapshot:
    """Inverse of `flatten` with the shapes of ``like``."""
    at = 0
    pieces: list[FloatArray | None] = []
    for part in (*like.weights, *like.biases, *like.skips):
        size = 0 if part is None else part.size
        pieces.append(None if part is None else vector[at : at + size].reshape(part.shape))
        at += size
    count = len(like.weights)
    weights = tuple(piece for piece in pieces[:count] if piece is not None)
    return Snapshot(weights, tuple(pieces[count : 2 * count]), tuple(pieces[2 * count :]))


def slopes(network: Network, layer: int, pre_activation: FloatArray) -> FloatArray | float:
    """Derivative of the activation of 0-based ``layer`` at (n, width); at a kink that of the left side."""
    row = network.layers[layer]
    if row.activation is Activation.LINEAR:
        return 1.0
    low = float(row.slope or 0.0) if row.activation is Activation.LEAKY_RELU else 0.0
    return np.where(pre_activation > 0.0, 1.0, low)


@dataclass(frozen=True)
class Forward:
    """Outputs ``h`` (n, width) of every node and pre-activations ``z`` of nodes 1 .. L."""

    outputs: tuple[FloatArray, ...]
    pre_activations: tuple[FloatArray, ...]

    @property
    def prediction(self) -> FloatArray:
        """Output of the network, shape (n, k)."""
        return self.outputs[-1]


def forward(graph: Graph, snapshot: Snapshot, x: FloatArray) -> Forward:
    """Evaluate a network of linear, ReLU or leaky ReLU layers at ``x`` (n, d); skips enter before the activation."""
    outputs, pre_activations = [x], []
    for index, weight in enumerate(snapshot.weights):
        blocks = graph.blocks_read[index]
        joined = outputs[index] if len(blocks) == 1 else np.concatenate([outputs[node] for node, _ in blocks], axis=1)
        z = joined @ weight.T
        bias = snapshot.biases[index]
        if bias is not None:
            z = z + bias
        for number, edge in graph.skips_added[index]:
            z = z + _through(edge, snapshot.skips[number], outputs[edge.source])
        pre_activations.append(z)
        is_linear = graph.network.layers[index].activation is Activation.LINEAR
        outputs.append(z if is_linear else slopes(graph.network, index, z) * z)
    return Forward(tuple(outputs), tuple(pre_activations))


def backward(graph: Graph, snapshot: Snapshot, found: Forward, output_gradient: FloatArray) -> Snapshot:
    """Gradient with respect to all weights, given that with respect to the outputs (n, k); frozen ones get zero."""
    network = graph.network
    adjoint: list[FloatArray | None] = [None] * len(found.outputs)
    adjoint[-1] = output_gradient
    weights: list[FloatArray] = list(snapshot.weights)
    biases: list[FloatArray | None] = [None] * network.n_layers
    skips: list[FloatArray | None] = [None if part is None else np.zeros_like(part) for part in snapshot.skips]
    for index in range(network.n_layers - 1, -1, -1):
        back = adjoint[index + 1]
        if back is None:
            raise AssertionError("every node is read by the matrix after it")
        layer, weight = network.layers[index], snapshot.weights[index]
        delta = back
        if layer.activation is not Activation.LINEAR:
            delta = back * slopes(network, index, found.pre_activations[index])
        blocks = graph.blocks_read[index]
        slope = [delta.T @ found.outputs[node] for node, _ in blocks] if layer.frozen_weights is None else None
        if slope is None:
            weights[index] = np.zeros_like(weight)
        else:
            weights[index] = slope[0] if len(slope) == 1 else np.concatenate(slope, axis=1)
        for node, columns in blocks:
            if node:
                _add(adjoint, node, delta @ weight[:, columns])
        if snapshot.biases[index] is not None:
            biases[index] = delta.sum(axis=0)
        for number, edge in graph.skips_added[index]:
            skips[number], through = _back_through(edge, snapshot.skips[number], found.outputs[edge.source], delta)
            _add(adjoint, edge.source, through)
    return Snapshot(tuple(weights), tuple(biases), tuple(skips))


def _add(adjoint: list[FloatArray | None], node: int, more: FloatArray) -> None:
    known = adjoint[node]
    adjoint[node] = more if known is None else known + more


def _back_through(
    edge: Edge, weight: FloatArray | None, source: FloatArray, delta: FloatArray
) -> tuple[FloatArray | None, FloatArray]:
    """Gradient with respect to a skip's weights, and what passes back to its source."""
    if weight is None:
        return None, delta
    if edge.kind is SkipKind.DIAGONAL:
        return np.sum(delta * source, axis=0), delta * weight
    return delta.T @ source, delta @ weight


def _through(edge: Edge, weight: FloatArray | None, source: FloatArray) -> FloatArray:
    if weight is None:
        return source
    return source * weight if edge.kind is SkipKind.DIAGONAL else source @ weight.T
