"""Update rules on stacks of weights, with the constants and the order of operations of PyTorch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.losses.batched import BatchedLoss, Stack

BETAS: Final = (0.9, 0.999)
EPSILON: Final = 1e-8


class UpdateRule(Protocol):
    """Turns a gradient of the data term into the next parameters."""

    def step(self, parameters: Stack, gradient: Stack, rate: FloatArray, number: int) -> Stack:
        """Parameters after step ``number`` (from 0) with the given rate of each run, shape (runs, 1, 1)."""
        ...


@dataclass(frozen=True, slots=True)
class Descent:
    """Steepest descent on data term plus decay."""

    loss: BatchedLoss

    def step(self, parameters: Stack, gradient: Stack, rate: FloatArray, number: int) -> Stack:  # noqa: ARG002 - a rule without memory
        """Move against the gradient; arrays (runs, ...)."""
        slopes = self.loss.add_decay(parameters, gradient)
        return [array - rate * slope for array, slope in zip(parameters, slopes, strict=True)]


class Adam:
    """Adam (Kingma and Ba 2015) with the decay in the loss, or AdamW with the decay beside it.

    Parameters
    ----------
    loss : BatchedLoss
    decoupled : float or None
        Factor of the decays with which they shrink the weights directly (Loshchilov and Hutter 2019), none for
        decay in the loss.  The rest point is then not a stationary point of the objective unless no layer decays.
    """

    def __init__(self, loss: BatchedLoss, *, decoupled: float | None) -> None:
        self._loss, self._decoupled = loss, decoupled
        self._first: Stack = []
        self._second: Stack = []

    def step(self, parameters: Stack, gradient: Stack, rate: FloatArray, number: int) -> Stack:
        """Move by the averaged gradient over the root of its averaged square; arrays (runs, ...)."""
        if self._decoupled is not None:
            decays = self._loss.decays
            shares = [rate * (2.0 * self._decoupled * decay) for decay in decays]
            moved = [array * (1.0 - share) for share, array in zip(shares, parameters, strict=True)]
        else:
            gradient, moved = self._loss.add_decay(parameters, gradient), parameters
        if not self._first:
            self._first, self._second = ([np.zeros_like(slope) for slope in gradient] for _ in range(2))
        slow, slower = BETAS
        rate = rate / (1.0 - slow ** (number + 1))
        correction = (1.0 - slower ** (number + 1)) ** 0.5
        self._first = _averaged(self._first, gradient, slow)
        self._second = _averaged(self._second, [slope * slope for slope in gradient], slower)
        return [
            array - rate * first / (np.sqrt(second) / correction + EPSILON)
            for array, first, second in zip(moved, self._first, self._second, strict=True)
        ]


def _averaged(average: Stack, new: Stack, share: float) -> Stack:
    return [share * old + (1.0 - share) * one for old, one in zip(average, new, strict=True)]


def lbfgs(
    loss: BatchedLoss, start: Sequence[FloatArray], steps: int, should_stop: Callable[[], bool]
) -> tuple[Stack, FloatArray]:
    """Limited-memory BFGS of scipy for one run: arrays (1, ...).

    Returns
    -------
    list of (1, width, inputs) arrays
        Where it ended.
    (iterations + 1,) array
        Loss before the first and after every iteration.
    """
    sizes = np.cumsum([array.size for array in start])[:-1]

    def unpacked(vector: FloatArray) -> Stack:
        return [piece.reshape(like.shape) for piece, like in zip(np.split(vector, sizes), start, strict=True)]

    def objective(vector: FloatArray) -> tuple[float, FloatArray]:
        parameters = unpacked(vector)
        error, gradient = loss.gradient(parameters)
        slopes = loss.add_decay(parameters, gradient)
        return float((error + loss.decay(parameters))[0]), np.concatenate([slope.ravel() for slope in slopes])

    first = np.concatenate([array.ravel() for array in start])
    losses = [objective(first)[0]]

    def watch(intermediate_result: OptimizeResult) -> None:
        losses.append(float(intermediate_result.fun))
        if should_stop():
            raise StopIteration

    found = minimize(
        objective,
        first,
        jac=True,
        method="L-BFGS-B",
        callback=watch,
        options={"maxiter": steps, "maxfun": 3 * steps, "ftol": 0.0, "gtol": 1e-9, "maxcor": 10},
    )
    return unpacked(np.asarray(found.x, dtype=np.float64)), np.array(losses)
