"""Biases under decay as a plain network: the first as one more input, the last as a smaller mean.

Proofs: ``docs/theory/decayed-biases.md``.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from service.core.ground.data.changes import factor_of_rows
from service.core.ground.data.conditioned import moments_of_factor
from service.core.ground.enclosures.longest import longest_useful
from service.core.ground.enclosures.rows import Rows
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Moments, Network, Problem
from service.core.ground.results import GlobalMinimum
from service.vocabulary import Bias

ROUNDED: Final = 16.0
"""Roundings of an entry of the changed data, relative to the size of its column as it was sent."""
SEARCHED: Final = 1e6
"""Norms up to which a bound holds where a layer has no decay, relative to that of the claimed map."""


@dataclass(frozen=True)
class WithoutBiases:
    """A plain network whose least loss is that of the problem, or above it where biases between were left out.

    Attributes
    ----------
    problem : Problem
    plain : Problem
        Without biases; its inputs are those of the problem and, where the first bias was decayed, a constant.
    constant : float or None
        That constant, the square root of the decay of the first weights over that of the first bias.
    shrink : float
        What the last bias is of the mean error that is left without it.
    complete : bool
        Whether no bias was left out, so that bounds of the plain network are bounds of the problem.
    """

    problem: Problem
    plain: Problem
    constant: float | None
    shrink: float
    complete: bool

    def map_of(self, plain_map: FloatArray) -> FloatArray:
        """End-to-end map (k, d) of the problem from that of the plain network."""
        return plain_map[:, : self.problem.data.inputs]

    def carried(self, plain_map: FloatArray) -> FloatArray:
        """What the first bias (k,) adds to every prediction."""
        if self.constant is None:
            return np.zeros(len(plain_map))
        carried: FloatArray = self.constant * plain_map[:, -1]
        return carried

    def last_bias(self, plain_map: FloatArray) -> FloatArray:
        """The last bias (k,) that is best for a plain map."""
        x_mean, y_mean = means_of(self.problem.data)
        left: FloatArray = y_mean - self.map_of(plain_map) @ x_mean - self.carried(plain_map)
        return self.shrink * left

    def plain_map(self, minimum: GlobalMinimum) -> FloatArray:
        """The plain map (k, d or d + 1) of claimed weights; a point to look from, whose bounds hold whatever it is."""
        inner = minimum.end_to_end_map
        if self.constant is None:
            return inner
        first = np.zeros(len(inner))
        if minimum.parameters is not None and minimum.parameters.biases[0] is not None:
            column: FloatArray = minimum.parameters.biases[0].dense()
            for weight in minimum.parameters.weights[1:]:
                column = weight.dense() @ column
            first = column[:, 0] / self.constant
        return np.column_stack((inner, first))

    def limit(self, minimum: GlobalMinimum, upper: float) -> float | None:
        """A norm up to which maps are searched; None where decay makes longer ones useless."""
        if np.isfinite(longest_useful(self.plain.network.weight_decays, upper)):
            return None
        return SEARCHED * float(np.linalg.norm(minimum.end_to_end_map))

    def lost(self, upper: float, limit: float | None) -> float:
        """What rounding of the changed data may have added to the least loss, for losses up to ``upper``.

        Notes
        -----
        Every column is right to some roundings of its own size as it was sent.  A useful map is short by its decay, or
        because its prediction is no longer than targets and misfit together.
        """
        data, seen = self.problem.data, self.plain.data
        sizes = np.sqrt(np.maximum(data.xx.diagonal(), 0.0))
        if self.constant is not None:
            sizes = np.append(sizes, self.constant)
        length = longest_useful(self.plain.network.weight_decays, upper) if limit is None else limit
        reach = length * float(np.linalg.norm(sizes))
        unit = np.where(sizes > 0.0, sizes, 1.0)
        least = float(np.linalg.eigvalsh(seen.xx / unit / unit[:, None])[0]) - 64.0 * unit.size * EPSILON
        if least > 0.0:
            predicted = float(np.sqrt(max(upper, 0.0)) + np.sqrt(max(seen.yy, 0.0)))
            reach = min(reach, 1.01 * float(np.sqrt(unit.size)) * predicted / float(np.sqrt(least)))
        off = ROUNDED * EPSILON * (reach + float(np.sqrt(max(data.yy, 0.0))))
        return off * (2.0 * float(np.sqrt(max(upper, 0.0))) + off)


def means_of(data: Moments) -> tuple[FloatArray, FloatArray]:
    """Means of inputs (d,) and targets (k,) of data that have them."""
    if data.x_mean is None or data.y_mean is None:
        raise ValueError("a bias needs the means of the data")
    return data.x_mean, data.y_mean


def decays_of(network: Network) -> tuple[float, ...]:
    """The decay of the bias of each layer, 0 where there is none."""
    given = network.bias_weight_decays or (0.0,) * network.n_layers
    return tuple(given[index] if network.has_bias(index) else 0.0 for index in range(network.n_layers))


def constant_is_free(network: Network) -> bool:
    """Whether a constant can be had at no cost in the limit, by a hidden bias.

    Notes
    -----
    A layer without decay behind a hidden bias carries it at any size; an undecayed bias needs no more than weights
    behind it that are not zero.
    """
    hidden = [index for index in network.bias_layers if index < network.n_layers - 1]
    decays, weights = decays_of(network), network.weight_decays
    return any(decays[index] == 0.0 or not np.all(weights[index + 1 :] > 0.0) for index in hidden)


def with_free_biases(problem: Problem) -> Problem:
    """The problem with a bias of the output and no decay of any: its least loss is no larger."""
    network = problem.network
    last = network.has_bias(network.n_layers - 1)
    free = replace(network, bias=network.bias if last else Bias.ALL, bias_weight_decays=(0.0,) * network.n_layers)
    return replace(problem, network=free)


def without_biases(problem: Problem) -> WithoutBiases:
    """The plain network of a problem with decayed biases and quiet hidden layers.

    Notes
    -----
    O((d + k)^3), whatever the widths.
    """
    return problem.once("decayed_biases.plain", lambda: _without_biases(problem))


def _without_biases(problem: Problem) -> WithoutBiases:
    network, data = problem.network, problem.data
    decays, last = decays_of(network), network.n_layers - 1
    shrink, share = 0.0, 1.0
    if network.has_bias(last):
        shrink, share = 1.0 / (1.0 + decays[last]), decays[last] / (1.0 + decays[last])
    constant = None
    first = float(network.weight_decays[0])
    if last > 0 and network.has_bias(0) and first > 0.0 and decays[0] > 0.0:
        constant = float(np.sqrt(first / decays[0]))
    left_out = [index for index in network.bias_layers if index not in ((0, last) if constant else (last,))]
    inputs, rows, count = _changed(problem, constant, share)
    zeros = np.zeros(inputs), np.zeros(data.outputs)
    moments = moments_of_factor(factor_of_rows(rows, count, *zeros))
    plain = replace(network, bias=Bias.NONE, bias_weight_decays=(), input_noise_variance=0.0)
    changed = replace(
        problem,
        network=plain,
        moments=moments,
        samples=None,
        evaluation=None,
        sources=lambda _: Rows(rows[:, :inputs], rows[:, inputs:], float(count)),
        gap_floor=problem.unit(0.0),
    )
    return WithoutBiases(problem, changed, constant, shrink, not left_out)


def _changed(problem: Problem, constant: float | None, share: float) -> tuple[int, FloatArray, int]:
    """Inputs and targets as rows about the means, with a share of these, beside noise that sees inputs as they are."""
    data, noise = problem.data, problem.network.input_noise_variance
    x_mean, y_mean = means_of(data)
    d, k, samples = data.inputs, data.outputs, problem.samples
    if samples is not None:
        count, rows = len(samples.x), np.concatenate((samples.x - x_mean, samples.y - y_mean), axis=1)
    elif data.factor is not None:
        count, rows = data.factor.n, data.factor.r * data.factor.scale
    else:
        root = data.central.root
        rest = np.zeros((1, d + k))
        rest[0, d] = np.sqrt(root.rest)
        count, rows = 1, np.concatenate((np.concatenate((root.root, root.response), axis=1), rest))
    means = np.concatenate((x_mean, y_mean))[None, :]
    noisy = np.zeros((d if noise > 0.0 else 0, d + k))
    noisy[:, :d] = np.diag(np.sqrt(noise * data.xx.diagonal()))[: len(noisy)]
    several = np.sqrt(float(count))
    whole = np.concatenate((rows, several * np.sqrt(share) * means, several * noisy))
    if constant is None:
        return d, whole, count
    column = np.zeros((len(whole), 1))
    column[len(rows), 0] = several * np.sqrt(share) * constant
    return d + 1, np.concatenate((whole[:, :d], column, whole[:, d:]), axis=1), count
