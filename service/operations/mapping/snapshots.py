"""Recorded weights of the wire to the core, with every shape checked."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ranks.graph import Graph
from service.core.ranks.snapshot import Snapshot
from service.errors import InputError, Location, counted
from service.operations.mapping.arrays import matrix, sides, vector_or_matrix
from service.schemas import snapshots as wire
from service.schemas.base import applicable
from service.vocabulary import SkipKind

T = TypeVar("T")


def to_core(snapshots: Sequence[wire.Snapshot], graph: Graph, at: Location = ("snapshots",)) -> tuple[Snapshot, ...]:
    """Snapshots of one network.

    Raises
    ------
    InputError
        Below ``at``, if layers are missing or a shape does not chain.
    """
    return tuple(one_to_core(snapshot, graph, (*at, index)) for index, snapshot in enumerate(snapshots))


def to_wire(snapshot: Snapshot) -> wire.Snapshot:
    """Weights of the core as a snapshot of the wire; biases and skips only where there are any."""
    reported = wire.Snapshot(
        weights=[weight.tolist() for weight in snapshot.weights],
        biases=_listed(snapshot.biases),
        skips=_listed(snapshot.skips),
    )
    return applicable(reported, "biases", "skips")


def _listed(parts: Sequence[FloatArray | None]) -> list[Any] | None:
    if all(part is None for part in parts):
        return None
    return [None if part is None else part.tolist() for part in parts]


def one_to_core(snapshot: wire.Snapshot, graph: Graph, at: Location) -> Snapshot:
    """Weights of one moment; `InputError` below ``at``."""
    n_layers = graph.network.n_layers
    weights = []
    for index, rows in enumerate(_in_order(snapshot.weights, n_layers, (*at, "weights"))):
        weight_at = (*at, "weights", _key(snapshot.weights, index))
        if rows is None:
            raise InputError.at(weight_at, "is required")
        weight = matrix(rows, weight_at)
        _check_shape(weight, graph.shapes[index], weight_at)
        weights.append(weight)
    biases = _biases(snapshot, graph, at)
    return Snapshot(tuple(weights), biases, _skips(snapshot, graph, at))


def _biases(snapshot: wire.Snapshot, graph: Graph, at: Location) -> tuple[FloatArray | None, ...]:
    given = snapshot.biases if snapshot.biases is not None else {}
    found: list[FloatArray | None] = []
    for index, values in enumerate(_in_order(given, graph.network.n_layers, (*at, "biases"))):
        bias_at = (*at, "biases", _key(given, index))
        if graph.network.has_bias(index) is (values is None):
            says = "is required: the layer has a bias" if values is None else "belongs to a layer without bias"
            raise InputError.at(bias_at, says)
        bias = None if values is None else np.array(values)
        if bias is not None:
            _check_shape(bias, (graph.bias_width(index),), bias_at)
        found.append(bias)
    return tuple(found)


def _skips(snapshot: wire.Snapshot, graph: Graph, at: Location) -> tuple[FloatArray | None, ...]:
    edges = graph.skips()
    given = snapshot.skips if snapshot.skips is not None else {}
    found: list[FloatArray | None] = []
    for index, values in enumerate(_in_order(given, len(edges), (*at, "skips"))):
        edge, skip_at = edges[index], (*at, "skips", _key(given, index))
        if edge.trained is (values is None):
            says = "is required: the skip is trained" if values is None else "belongs to a skip without weights"
            raise InputError.at(skip_at, says)
        skip = None if values is None else vector_or_matrix(values, skip_at)
        if skip is not None:
            source, target = graph.widths[edge.source], graph.widths[edge.target]
            _check_shape(skip, (target,) if edge.kind is SkipKind.DIAGONAL else (target, source), skip_at)
        found.append(skip)
    return tuple(found)


def _in_order(parts: Sequence[T | None] | Mapping[str, T], count: int, at: Location) -> list[T | None]:
    """Entries 1 .. ``count`` of a list or of a mapping from numbers; a missing one of a mapping is None."""
    if isinstance(parts, Mapping):
        unknown = sorted(set(parts) - {str(number) for number in range(1, count + 1)})
        if unknown:
            raise InputError.at(at, f"must have keys from 1 to {count} only" if count else "must be empty")
        return [parts.get(str(number)) for number in range(1, count + 1)]
    if len(parts) != count:
        raise InputError.at(at, f"must have {counted(count, 'entry', 'entries')}")
    return list(parts)


def _key(parts: object, index: int) -> str | int:
    return str(index + 1) if isinstance(parts, Mapping) else index


def _check_shape(array: FloatArray, shape: tuple[int, ...], at: Location) -> None:
    if array.shape != shape:
        detail = f"must be {sides(shape)} to chain with the network, and is {sides(array.shape)}"
        raise InputError.at(at, f"{detail}: transpose it" if array.shape[::-1] == shape else detail)
    if float(np.abs(array).max(initial=0.0)) > 1e100:
        raise InputError.at(at, "has entries larger than 1e100")
