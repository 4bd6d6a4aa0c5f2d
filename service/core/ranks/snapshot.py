"""Weights of a whole network at one moment, and the network evaluated and differentiated there."""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.problems import Network
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


def flatten(snapshot: Snapshot) -> FloatArray:
    """All numbers in one vector: weights, biases, skips."""
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


def columns_read(graph: Graph, node: int) -> list[tuple[int, slice]]:
    """What the weight matrix ``node + 1`` reads: pairs of a node and its columns."""
    blocks = [(node, slice(0, graph.widths[node]))]
    at = graph.widths[node]
    for edge in graph.skips(SkipKind.CONCATENATE):
        if edge.target == node:
            blocks.append((edge.source, slice(at, at + graph.widths[edge.source])))
            at += graph.widths[edge.source]
    return blocks


def slopes(network: Network, layer: int, pre_activation: FloatArray) -> FloatArray | float:
    """Derivative of the activation of 0-based ``layer``; at a kink that of the left side."""
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
    """Evaluate a network with linear, ReLU or leaky ReLU activations; skips enter before the activation."""
    outputs, pre_activations = [x], []
    for index in range(graph.network.n_layers):
        z = np.zeros((len(x), graph.widths[index + 1]))
        for node, columns in columns_read(graph, index):
            z = z + outputs[node] @ snapshot.weights[index][:, columns].T
        bias = snapshot.biases[index]
        z = z if bias is None else z + bias
        for number, edge in enumerate(graph.skips()):
            if edge.target == index + 1 and edge.kind is not SkipKind.CONCATENATE:
                z = z + _through(edge, snapshot.skips[number], outputs[edge.source])
        pre_activations.append(z)
        outputs.append(slopes(graph.network, index, z) * z)
    return Forward(tuple(outputs), tuple(pre_activations))


def backward(graph: Graph, snapshot: Snapshot, found: Forward, output_gradient: FloatArray) -> Snapshot:
    """Gradient with respect to all weights, given that with respect to the outputs (n, k); frozen ones get zero."""
    network = graph.network
    adjoint = [np.zeros_like(output) for output in found.outputs]
    adjoint[-1] = output_gradient
    weights: list[FloatArray] = [np.zeros_like(weight) for weight in snapshot.weights]
    biases: list[FloatArray | None] = [None] * network.n_layers
    skips: list[FloatArray | None] = [None if part is None else np.zeros_like(part) for part in snapshot.skips]
    for index in range(network.n_layers - 1, -1, -1):
        delta = adjoint[index + 1] * slopes(network, index, found.pre_activations[index])
        for node, columns in columns_read(graph, index):
            if network.layers[index].frozen_weights is None:
                weights[index][:, columns] = delta.T @ found.outputs[node]
            adjoint[node] = adjoint[node] + delta @ snapshot.weights[index][:, columns]
        biases[index] = None if snapshot.biases[index] is None else delta.sum(axis=0)
        for number, edge in enumerate(graph.skips()):
            if edge.target == index + 1 and edge.kind is not SkipKind.CONCATENATE:
                source, weight = found.outputs[edge.source], snapshot.skips[number]
                if weight is None:
                    adjoint[edge.source] = adjoint[edge.source] + delta
                elif edge.kind is SkipKind.DIAGONAL:
                    skips[number] = np.sum(delta * source, axis=0)
                    adjoint[edge.source] = adjoint[edge.source] + delta * weight
                else:
                    skips[number] = delta.T @ source
                    adjoint[edge.source] = adjoint[edge.source] + delta @ weight
    return Snapshot(tuple(weights), tuple(biases), tuple(skips))


def _through(edge: Edge, weight: FloatArray | None, source: FloatArray) -> FloatArray:
    if weight is None:
        return source
    return source * weight if edge.kind is SkipKind.DIAGONAL else source @ weight.T
