"""The network as a graph: nodes are layer outputs, edges are what leads from one to another."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from service.core.ground.numbers.cached import cached_property
from service.core.ground.problems import Network
from service.errors import FieldError, InputError
from service.vocabulary import Activation, SkipKind

HOMOGENEOUS = frozenset({Activation.LINEAR, Activation.RELU, Activation.LEAKY_RELU})


@dataclass(frozen=True, slots=True)
class Edge:
    """A connection; ``layer`` is 1-based for a weight matrix of the chain, None for a skip."""

    source: int
    target: int
    kind: SkipKind
    layer: int | None
    trained: bool


@dataclass(frozen=True)
class Graph:
    """Nodes 0 (the input) to ``n_layers`` (the output) of a network on ``inputs`` inputs.

    A ``concatenate`` skip widens what layer ``target + 1`` reads: it is kept as an edge of that kind from its
    source to node ``target``, and the columns it adds to the next weight matrix are read there.
    """

    network: Network
    inputs: int

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Number of neurons of each node, without what is concatenated to it."""
        return (self.inputs, *(layer.width for layer in self.network.layers))

    @cached_property
    def read_widths(self) -> tuple[int, ...]:
        """Number of columns of the weight matrix that reads each node."""
        widths = list(self.widths)
        for edge in self.edges:
            if edge.kind is SkipKind.CONCATENATE and edge.layer is None:
                widths[edge.target] += self.widths[edge.source]
        return tuple(widths)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Weight matrices first, then skips in the order given."""
        chain = tuple(
            Edge(index, index + 1, SkipKind.TRAINABLE, index + 1, layer.frozen_weights is None)
            for index, layer in enumerate(self.network.layers)
        )
        skips = tuple(
            Edge(skip.source, skip.target, skip.kind, None, skip.kind in (SkipKind.TRAINABLE, SkipKind.DIAGONAL))
            for skip in self.network.skips
        )
        return chain + skips

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes (width, columns) of the weight matrices of the chain."""
        shapes = []
        for index, layer in enumerate(self.network.layers):
            kernels = layer.convolution
            dense = (self.widths[index + 1], self.read_widths[index])
            shapes.append(dense if kernels is None else (kernels.channels, kernels.in_channels * kernels.taps))
        return tuple(shapes)

    @cached_property
    def has_convolutions(self) -> bool:
        """Whether a layer shares kernels between places; such a network is not a product of its matrices."""
        return any(layer.convolution is not None for layer in self.network.layers)

    def channels(self, node: int) -> int | None:
        """Feature maps of a hidden node that a convolution writes or reads, None at any other node."""
        written = self.network.layers[node - 1].convolution
        read = self.network.layers[node].convolution if node < self.network.n_layers else None
        if written is not None:
            return written.channels
        return None if read is None else read.in_channels

    def units(self, node: int) -> int:
        """What can be balanced at a node: its feature maps, or its neurons."""
        return self.channels(node) or self.widths[node] if node else self.widths[0]

    def bias_width(self, layer: int) -> int:
        """Entries of the bias of a 0-based layer."""
        kernels = self.network.layers[layer].convolution
        return self.network.layers[layer].width if kernels is None else kernels.channels

    def skips(self, *kinds: SkipKind) -> tuple[Edge, ...]:
        """Skips of the given kinds, or all."""
        return tuple(edge for edge in self._all_skips if not kinds or edge.kind in kinds)

    @cached_property
    def _all_skips(self) -> tuple[Edge, ...]:
        return tuple(edge for edge in self.edges if edge.layer is None)

    @cached_property
    def blocks_read(self) -> tuple[tuple[tuple[int, slice], ...], ...]:
        """For each weight matrix the nodes that it reads, each with its columns."""
        found = []
        for node in range(self.network.n_layers):
            blocks, at = [(node, slice(0, self.widths[node]))], self.widths[node]
            for edge in self.skips(SkipKind.CONCATENATE):
                if edge.target == node:
                    blocks.append((edge.source, slice(at, at + self.widths[edge.source])))
                    at += self.widths[edge.source]
            found.append(tuple(blocks))
        return tuple(found)

    @cached_property
    def skips_added(self) -> tuple[tuple[tuple[int, Edge], ...], ...]:
        """For each weight matrix the skips that are added to what it gives, each with its number."""
        added = [(number, edge) for number, edge in enumerate(self.skips()) if edge.kind is not SkipKind.CONCATENATE]
        return tuple(
            tuple((number, edge) for number, edge in added if edge.target == node)
            for node in range(1, self.network.n_layers + 1)
        )

    def skip_shape(self, edge: Edge) -> tuple[int, ...]:
        """Shape of the weights of a skip; empty where it has none."""
        if not edge.trained:
            return ()
        source, target = self.widths[edge.source], self.widths[edge.target]
        return (target,) if edge.kind is SkipKind.DIAGONAL else (target, source)

    @cached_property
    def numbers(self) -> int:
        """Numbers of weights, biases and skips, frozen ones included."""
        weights = sum(math.prod(shape) for shape in self.shapes)
        layers = range(self.network.n_layers)
        biases = sum(self.bias_width(index) for index in layers if self.network.has_bias(index))
        return weights + biases + sum(math.prod(self.skip_shape(edge)) for edge in self.skips() if edge.trained)

    def touching(self, node: int, edges: Iterable[Edge] | None = None) -> tuple[Edge, ...]:
        """Skips that start or end at a node."""
        return tuple(
            edge
            for edge in (self.edges if edges is None else edges)
            if edge.layer is None and node in (edge.source, edge.target)
        )

    def activation(self, node: int) -> Activation:
        """Activation of a node; the input is linear."""
        return Activation.LINEAR if node == 0 else self.network.layers[node - 1].activation

    @cached_property
    def linear_block(self) -> tuple[int, ...]:
        """1-based weight matrices of the longest tail whose nodes between are linear and touched by no skip."""
        layers = [self.network.n_layers]
        if self.touching(self.network.n_layers):
            return tuple(layers)
        for node in range(self.network.n_layers - 1, 0, -1):
            shares = any(row.convolution is not None for row in self.network.layers[node - 1 : node + 1])
            if self.activation(node) is not Activation.LINEAR or self.touching(node) or shares:
                break
            layers.append(node)
        return tuple(reversed(layers))

    @cached_property
    def is_linear(self) -> bool:
        """Whether every hidden node and the output are linear, and every layer dense."""
        return not self.has_convolutions and all(layer.activation is Activation.LINEAR for layer in self.network.layers)

    @cached_property
    def is_piecewise_linear(self) -> bool:
        """Whether every activation is positively homogeneous of degree one."""
        return all(layer.activation in HOMOGENEOUS for layer in self.network.layers)

    @cached_property
    def is_homogeneous(self) -> bool:
        """Whether the output is homogeneous in all trained weights: equal path lengths, biases in layer 1 only."""
        all_trained = all(layer.frozen_weights is None for layer in self.network.layers)
        first_bias_only = set(self.network.bias_layers) <= {0}
        return self.is_piecewise_linear and all_trained and first_bias_only and self._paths_are_equally_long

    @cached_property
    def _paths_are_equally_long(self) -> bool:
        lengths: list[set[int]] = [{0}] + [set() for _ in self.network.layers]
        for node in range(1, self.network.n_layers + 1):
            for edge in self.edges:
                if edge.target == node:
                    step = 0 if edge.kind in (SkipKind.IDENTITY, SkipKind.CONCATENATE) else 1
                    lengths[node] |= {length + step for length in lengths[edge.source]}
        return len(lengths[-1]) == 1


def check(graph: Graph) -> None:
    """Refuse skips that no forward pass can follow.

    Raises
    ------
    InputError
        At the skip: an identity or diagonal skip between different widths, or something concatenated to the output.
    """
    problems: list[FieldError] = []
    for index, skip in enumerate(graph.network.skips):
        at = ("network", "skips", index)
        source, target = graph.widths[skip.source], graph.widths[skip.target]
        if skip.kind in (SkipKind.IDENTITY, SkipKind.DIAGONAL) and source != target:
            problems.append(FieldError(at, f"joins widths {source} and {target}; a skip of this kind needs equal ones"))
        if skip.kind is SkipKind.CONCATENATE and skip.target == graph.network.n_layers:
            problems.append(FieldError((*at, "to"), "must be a hidden layer: nothing reads what joins the output"))
    if problems:
        raise InputError(problems)
