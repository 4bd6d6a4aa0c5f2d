"""Inputs whose weights are free although they decay, taken out of the rest by least squares.

An input of size 1e30 needs weights of 1e-30.  With them free, ``y`` and the other inputs matter only by what is left of
both when these inputs are regressed out of them; the decay of the other weights is that of the network without them.
Derivation: ``docs/theory/extreme-inputs.md``.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from service.core.ground.data.changes import factor_of_rows
from service.core.ground.data.conditioned import Moments, moments_of_factor
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Problem
from service.vocabulary import Bias, Loss

FREE: Final = 2.0**50
"""Sizes of inputs, about 1e15, from which on decay of their weights may be below the rounding of a loss."""
DEPENDENT: Final = 1e-13
"""Singular values of free inputs of size one, relative to the largest, up to which they count as dependent."""


@dataclass(frozen=True)
class FreeInputs:
    """A problem with inputs that are free, and the problem that is left without them.

    Attributes
    ----------
    problem : Problem
    free : (d,) array of bool
    rest : Problem
        Free inputs are zero in it, and what they explain is taken off the others and the targets.  Without bias, the
        means taken off where the problem has one, and without noise, which only adds to a loss.
    explained : (d_f, d + k) array
        By free inputs as they are: the map from them to the other inputs and the targets, by least squares.
    dropped : float
        Largest singular value of free inputs of size one that counts as zero.
    sizes : (d + k,) array
        Root mean squares of inputs and targets.
    """

    problem: Problem
    free: BoolArray
    rest: Problem
    explained: FloatArray
    dropped: float
    sizes: FloatArray

    def whole_map(self, rest_map: FloatArray) -> FloatArray:
        """The map (k, d) that is best with a given one of the other inputs."""
        d = self.free.size
        found = np.where(self.free, 0.0, rest_map)
        found[:, self.free] = (self.explained[:, d:] - self.explained[:, :d] @ found.T).T
        return found

    def rounding(self, rest_map: FloatArray) -> float:
        """What rounding of what is left may change the squared error by, near a map (k, d).

        Each column is right to some roundings of its own size.
        """
        d = self.free.size
        whole = np.abs(self.whole_map(rest_map))
        reach = np.linalg.norm(self.sizes[d:]) + np.linalg.norm(whole @ self.sizes[:d])
        off = 16.0 * (d + 8.0) * EPSILON * float(reach)
        misfit = float(np.sqrt(max(self.rest.data.error(np.where(self.free, 0.0, rest_map)), 0.0)))
        return off * (2.0 * misfit + off)


def free_inputs(problem: Problem) -> FreeInputs | None:
    """What is left without the inputs that decay costs nothing; None without any, or where something else reads them.

    Notes
    -----
    Plain networks under squared loss, whose biases, if any, are free and include the output's.  O(d^3).
    """
    if problem.moments is None or not np.isfinite(problem.data.xx.diagonal()).all():
        return None
    if float(problem.data.xx.diagonal().max()) <= FREE**2 or not is_plain(problem):
        return None
    data, network = problem.data, problem.network
    centre = bool(network.bias_layers) and data.x_mean is not None and data.y_mean is not None
    seen = data.central if centre else data
    rows, count = _rows(seen)
    sizes = np.linalg.norm(rows, axis=0) / np.sqrt(count)
    d = data.inputs
    free = sizes[:d] > FREE
    if not free.any():
        return None
    unit = np.where(sizes > 0.0, sizes, 1.0)
    rows = rows / unit
    frame, values, turned = np.linalg.svd(rows[:, :d][:, free], full_matrices=False)
    kept = values > DEPENDENT * values[0]
    frame, dropped = frame[:, kept], float(np.max(values[~kept], initial=0.0) / np.sqrt(count))
    along = frame.T @ rows
    left = rows - frame @ along
    again = frame.T @ left
    left -= frame @ again
    left[:, :d] = np.where(free, 0.0, left[:, :d])
    explained = (turned[kept].T / values[kept]) @ (along + again) * unit / unit[:d][free][:, None]
    zero_x, zero_y = np.zeros(d), np.zeros(data.outputs)
    moments = moments_of_factor(factor_of_rows(left * unit, count, zero_x, zero_y))
    layers = tuple(replace(layer, noise_variance=0.0) for layer in network.layers)
    plain = replace(network, layers=layers, input_noise_variance=0.0, bias=Bias.NONE, bias_weight_decays=())
    rest = replace(problem, network=plain, moments=moments, samples=None, evaluation=None, extremes=None)
    return FreeInputs(problem, free, rest, explained, dropped, sizes)


def is_plain(problem: Problem) -> bool:
    """Whether all that sees the inputs is a map under squared loss, with decay of every layer."""
    network = problem.network
    if problem.loss is not Loss.SQUARED or network.skips:
        return False
    if any(layer.frozen_weights is not None for layer in network.layers):
        return False
    return (
        bool(np.all(network.weight_decays > 0.0))
        and network.bias in (Bias.NONE, Bias.OUTPUT, Bias.ALL)
        and not any(network.bias_weight_decays)
    )


def _rows(data: Moments) -> tuple[FloatArray, int]:
    """Rows with the second moments of inputs and targets, and how often each sum counts them."""
    d = data.inputs
    if data.factor is None:
        root = data.root
        rows = np.concatenate((root.root, root.response), axis=1)
        rest = np.zeros((1, rows.shape[1]))
        rest[0, d] = np.sqrt(root.rest)
        return np.concatenate((rows, rest)), 1
    factor = data.factor
    means = np.sqrt(factor.n) * np.concatenate((factor.x_mean, factor.y_mean))
    return np.concatenate((factor.r * factor.scale, means[None, :])), factor.n
