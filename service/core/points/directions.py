"""Which singular directions of the target a network has learned, and how far its layers are from balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network
from service.core.several_outputs.squared_error.quadratic import Quadratic

LEARNED_TOLERANCE = 1e-2


class DirectionState(StrEnum):
    """Where a singular direction stands against the global minimum."""

    LEARNED = "learned"
    STUCK = "stuck"
    MISSING = "missing"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class Direction:
    """A singular direction of the least-squares map in white coordinates.

    Attributes
    ----------
    index : int
        From the strongest, counted from 0.
    target : float
        Singular value of the least-squares map.
    reached : float
        What the network's map has along it.
    optimal : float or None
        What the global minimiser has along it, where one is known.
    state : DirectionState
        ``learned`` within 1 % of the optimum; ``missing`` where the optimum is not zero and less than 1 % of it is
        there; ``not_needed`` where both are zero; ``stuck`` otherwise.
    output, inputs : arrays
        Unit vector (k,) and the input direction (d,) that it answers to.
    """

    index: int
    target: float
    reached: float
    optimal: float | None
    state: DirectionState
    output: FloatArray
    inputs: FloatArray


def directions_of(
    quadratic: Quadratic, end_to_end_map: FloatArray, optimal_map: FloatArray | None
) -> tuple[Direction, ...]:
    """State of every singular direction of the target that is not zero.

    Parameters
    ----------
    quadratic : Quadratic
    end_to_end_map : (k, d) array
        Of the network.
    optimal_map : (k, d) array or None
        Of a global minimiser; without it the least-squares map is the measure.
    """
    left, values, right = quadratic.svd
    reached = np.sum(left * (quadratic.coordinates(end_to_end_map) @ right), axis=0)
    known = optimal_map is not None
    optimum = np.sum(left * (quadratic.coordinates(optimal_map) @ right), axis=0) if optimal_map is not None else values
    found: list[Direction] = []
    inputs = quadratic.expand(right / quadratic.scales[:, None])
    for index, value in enumerate(values):
        if value <= 1e-12 * values[0]:
            break
        state = _state(float(reached[index]), float(optimum[index]), float(values[0]))
        length = float(np.linalg.norm(inputs[:, index]))
        found.append(
            Direction(
                index,
                float(value),
                float(reached[index]),
                float(optimum[index]) if known else None,
                state,
                left[:, index],
                inputs[:, index] / length,
            )
        )
    return tuple(found)


def _state(reached: float, optimal: float, unit: float) -> DirectionState:
    zero = 1e-6 * unit
    if abs(optimal) <= zero:
        return DirectionState.NOT_NEEDED if abs(reached) <= zero else DirectionState.STUCK
    if abs(reached - optimal) <= LEARNED_TOLERANCE * abs(optimal):
        return DirectionState.LEARNED
    return DirectionState.MISSING if abs(reached) <= LEARNED_TOLERANCE * abs(optimal) else DirectionState.STUCK


def imbalances(network: Network, weights: Sequence[FloatArray]) -> tuple[float, ...]:
    """``||g_l W_l W_l^T - g_{l+1} W_{l+1}^T W_{l+1}||_F`` for neighbouring layers (width, inputs).

    Notes
    -----
    Zero at every stationary point where all layers are decayed and no hidden layer is noisy.  Without any decay the
    factors are 1 and the matrices themselves are conserved by gradient flow.
    """
    decays = network.weight_decays if np.any(network.weight_decays) else np.ones(len(weights))
    return tuple(
        float(np.linalg.norm(decays[index] * lower @ lower.T - decays[index + 1] * upper.T @ upper))
        for index, (lower, upper) in enumerate(pairwise(weights))
    )
