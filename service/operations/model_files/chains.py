"""Matrices in the order and orientation in which each reads what the one before it writes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError
from service.operations.model_files.found import FoundLayer
from service.operations.model_files.hints import Hints
from service.operations.model_files.named import Parts

MOST_TRIED: Final = 2_000
"""Steps of the search for an order."""
DIGITS: Final = re.compile(r"(\d+)")


def chained(parts: Parts, hints: Hints, *, ordered: bool) -> tuple[FoundLayer, ...]:
    """The layers from the input to the output.

    Parameters
    ----------
    parts : Parts
    hints : Hints
    ordered : bool
        Whether the file keeps the order in which layers were written.

    Raises
    ------
    InputError
        Where no order or orientation fits, or more than one does.
    """
    names = _asked(hints.order, parts) if hints.order else None
    found: dict[bool, list[str]] = {}
    for inputs_first in _sides(parts, hints):
        shapes = {name: _shape(matrix, inputs_first) for name, matrix in parts.matrices.items()}
        if any(parts.biases[name].size != shapes[name][0] for name in parts.biases):
            continue
        order = _order(shapes, names, ordered=ordered)
        if order is not None:
            found[inputs_first] = order
    if not found:
        raise InputError.at(("model",), _unfit(parts))
    if len(found) > 1:
        raise InputError.at(
            ("model",),
            "has matrices that fit either way round: add `layout` with outputs_first (PyTorch) or inputs_first "
            "(Keras, scikit-learn)",
        )
    ((inputs_first, order),) = found.items()
    return tuple(
        FoundLayer(name, parts.matrices[name].T if inputs_first else parts.matrices[name], parts.biases.get(name))
        for name in order
    )


def _sides(parts: Parts, hints: Hints) -> Sequence[bool]:
    if hints.layout != "auto":
        return (hints.layout == "inputs_first",)
    return (False, True) if parts.inputs_first is None else (parts.inputs_first,)


def _shape(matrix: FloatArray, inputs_first: bool) -> tuple[int, int]:
    """Outputs and inputs."""
    rows, columns = matrix.shape
    return (columns, rows) if inputs_first else (rows, columns)


def _asked(order: tuple[str, ...], parts: Parts) -> list[str]:
    if sorted(order) != sorted(parts.matrices):
        listed = ", ".join(name[:40] for name in parts.matrices)
        raise InputError.at(("order",), f"must name each layer of the file once: {listed}")
    return list(order)


def _order(shapes: Mapping[str, tuple[int, int]], names: list[str] | None, *, ordered: bool) -> list[str] | None:
    """An order in which the shapes chain; None if there is none.

    Raises
    ------
    InputError
        If there is more than one, and neither the file nor its sender says which.
    """
    usual = names or (list(shapes) if ordered else None)
    if usual is not None and _chains(shapes, usual):
        return usual
    if names is not None:
        return None
    found = _orders(shapes)
    first = next(found, None)
    if first is not None and next(found, None) is not None:
        raise InputError.at(
            ("model",), f"has layers that chain in more than one order: add `order`, such as {','.join(first)[:200]}"
        )
    return first


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorting key by which layer 10 comes behind layer 2."""
    return [(len(part), part) if part.isdecimal() else (0, part) for part in DIGITS.split(name)]


def _chains(shapes: Mapping[str, tuple[int, int]], names: Sequence[str]) -> bool:
    sizes = [shapes[name] for name in names]
    return all(before[0] == after[1] for before, after in pairwise(sizes))


def _orders(shapes: Mapping[str, tuple[int, int]]) -> Iterator[list[str]]:
    """Orders of all layers in which they chain, as far as a short search goes; layer 2 never comes before layer 1."""
    names, left = sorted(shapes, key=_natural), MOST_TRIED
    alike = {name: [other for other in names if _pattern(other) == _pattern(name)] for name in names}

    def extended(order: list[str]) -> Iterator[list[str]]:
        nonlocal left
        if len(order) == len(names):
            yield order
            return
        for name in names:
            following = next((other for other in alike[name] if other not in order), None)
            if name == following and (not order or shapes[order[-1]][0] == shapes[name][1]):
                left -= 1
                if left < 0:
                    return
                yield from extended([*order, name])

    return extended([])


def _pattern(name: str) -> str:
    """A name without its numbers: layers that differ by them alone are in their order."""
    return DIGITS.sub("#", name)


def _unfit(parts: Parts) -> str:
    """Why nothing fits, with the shapes as they are."""
    listed = [f"{name[:40]} {rows} x {columns}" for name, (rows, columns) in _shapes(parts)]
    return (
        f"has matrices that do not chain: {', '.join(listed[:8])}{' ..' if len(listed) > 8 else ''}. Each must read "
        "what the one before it writes; a network with branches, or with other layers between, is read from ONNX"
    )


def _shapes(parts: Parts) -> list[tuple[str, tuple[int, int]]]:
    return [(name, (matrix.shape[0], matrix.shape[1])) for name, matrix in parts.matrices.items()]
