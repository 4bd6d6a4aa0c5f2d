"""Ranks of many layers: the least error within a number of numbers, or the fewest numbers within an error."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, gcd

import numpy as np

from service.core.compression.choice import choose
from service.core.compression.options import LayerOptions
from service.core.compression.relaxation import OptionGroup
from service.core.ground.numbers.arrays import FloatArray, IntArray

TOLERANCE = 1e-12
"""Relative: so far the total error may exceed the one that is asked for, so that rounding decides nothing."""


@dataclass(frozen=True)
class Allocation:
    """An option of each layer.

    Attributes
    ----------
    chosen : (l,) array of int
        Place among the options of each layer.
    numbers : float
        Total that is stored.
    error : float
        Total.
    lower_bound : float
        Of the error for a budget, of the numbers for an error: no choice goes below.
    optimal : bool
        Whether no choice is better, rounding apart.
    """

    chosen: IntArray
    numbers: float
    error: float
    lower_bound: float
    optimal: bool


def least_numbers(layers: Sequence[LayerOptions]) -> float:
    """Numbers that are stored at least."""
    return float(sum(layer.numbers[0] for layer in layers))


def most_numbers(layers: Sequence[LayerOptions]) -> float:
    """Numbers beyond which none is of use."""
    return float(sum(layer.numbers[-1] for layer in layers))


def least_error(layers: Sequence[LayerOptions]) -> float:
    """The error that remains with all those numbers: 0, unless layers of full rank are no option."""
    return float(sum(layer.errors[-1] for layer in layers))


def within_budget(layers: Sequence[LayerOptions], budget: float) -> Allocation:
    """The least total error with at most ``budget`` numbers, which is at least `least_numbers`."""
    unit, least = _unit(layers), least_numbers(layers)
    # what no choice can use is no budget: the bound is of the last number that one can reach
    usable = least + unit * floor((min(budget, most_numbers(layers)) - least) / unit)
    found = choose([OptionGroup(layer.numbers, layer.errors, layer.hull) for layer in layers], usable)
    return _made(layers, found.chosen, found.bound, optimal=found.optimal)


def within_error(layers: Sequence[LayerOptions], error: float) -> Allocation:
    """The fewest numbers with a total error of at most ``error``, which is at least `least_error`."""
    found = choose([_reversed(layer) for layer in layers], error * (1.0 + TOLERANCE))
    chosen = np.array([layer.ranks.size - 1 - place for layer, place in zip(layers, found.chosen, strict=True)])
    unit, least = _unit(layers), least_numbers(layers)
    # numbers come in units: a bound between two of them is as good as the next one
    bound = least + unit * max(ceil((found.bound - least) / unit - 1e-6), 0)
    numbers = _numbers(layers, chosen)
    return _made(layers, chosen, min(bound, numbers), optimal=found.optimal or bound >= numbers)


def _made(layers: Sequence[LayerOptions], chosen: IntArray, bound: float, *, optimal: bool) -> Allocation:
    error = float(np.sum([layer.errors[place] for layer, place in zip(layers, chosen, strict=True)]))
    return Allocation(chosen, _numbers(layers, chosen), error, bound, optimal)


def _numbers(layers: Sequence[LayerOptions], chosen: IntArray) -> float:
    return float(sum(layer.numbers[place] for layer, place in zip(layers, chosen, strict=True)))


def _reversed(layer: LayerOptions) -> OptionGroup:
    """Numbers as the value and errors as the weight."""
    values: FloatArray = layer.numbers[::-1]
    return OptionGroup(layer.errors[::-1], values, (layer.ranks.size - 1 - layer.hull)[::-1])


def _unit(layers: Sequence[LayerOptions]) -> int:
    """The greatest number of which the numbers of all options are multiples, up to those of the first ones."""
    unit = 0
    for layer in layers:
        steps = np.unique(np.diff(layer.numbers))
        unit = gcd(unit, *(int(step) for step in steps))
    return max(unit, 1)
