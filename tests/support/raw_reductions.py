"""Random raw problems with weights of the error, frozen layers and skips, and their least loss in rational numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.core.ground.results import GlobalMinimum
from service.vocabulary import Bias, Loss, SkipKind
from tests.support.exact_numbers import ExactMoments, Floats, Matrix, exact, of_samples
from tests.support.exact_truth import least_squares
from tests.support.raw_scan import KINDS

ISOMETRIES: Final = (
    np.array([[3.0, -4.0], [4.0, 3.0]]) / 4.0,
    np.array([[1.0, 2.0, 2.0], [2.0, 1.0, -2.0], [2.0, -2.0, 1.0]]) / 2.0,
)
"""Multiples of orthogonal matrices whose entries are short, so that they are exactly that."""


@dataclass(frozen=True)
class ReducedCase:
    """A problem and its least loss.

    Attributes
    ----------
    name, kind : str
    problem : Problem
    truth : Fraction
        The infimum of the loss, exactly.
    """

    name: str
    kind: str
    problem: Problem
    truth: Fraction

    def loss_of(self, minimum: GlobalMinimum) -> Fraction:
        """The loss of the returned weights, exactly."""
        parameters, network = minimum.parameters, self.problem.network
        assert parameters is not None
        widths = self.problem.data.inputs
        nodes: list[Matrix] = [_eye(widths)]
        offsets: list[list[Fraction]] = [[Fraction(0)] * widths]
        decay = Fraction(0)
        for node, (layer, weight, bias) in enumerate(
            zip(network.layers, parameters.weights, parameters.biases, strict=True), start=1
        ):
            matrix = exact(weight.dense())
            decay += Fraction(layer.weight_decay) * _square(matrix)
            value, offset = _times(matrix, nodes[-1]), _applied(matrix, offsets[-1])
            if bias is not None:
                offset = [a + Fraction(float(b)) for a, b in zip(offset, bias.dense()[:, 0], strict=True)]
            for skip, own in zip(network.skips, parameters.skips, strict=True):
                if skip.target != node:
                    continue
                beside = _eye(layer.width) if own is None else exact(own.dense())
                if own is not None:
                    decay += Fraction(skip.weight_decay) * _square(beside)
                value = _plus(value, _times(beside, nodes[skip.source]))
                moved = _applied(beside, offsets[skip.source])
                offset = [a + b for a, b in zip(offset, moved, strict=True)]
            nodes.append(value)
            offsets.append(offset)
        return decay + self._error(nodes[-1], offsets[-1])

    def _error(self, whole: Matrix, offset: list[Fraction]) -> Fraction:
        total = Fraction(0)
        for output, moments in enumerate(outputs_of(self.problem)):
            row, constant = whole[output], offset[output]
            weight = moments.weight
            total += moments.data.yy + constant * constant * weight
            image = _applied(moments.data.xx, row)
            total += sum((a * (b - 2 * c[0]) for a, b, c in zip(row, image, moments.data.xy, strict=True)), Fraction(0))
            if constant:
                assert moments.data.x_mean is not None
                assert moments.data.y_mean is not None
                mean = sum((a * b for a, b in zip(row, moments.data.x_mean, strict=True)), Fraction(0))
                total += 2 * constant * (mean - moments.data.y_mean[0])
        return total


@dataclass(frozen=True)
class Weighted:
    """Moments of one output under the weights of its errors, means included, and the mean of the weights."""

    data: ExactMoments
    weight: Fraction

    def centred(self) -> ExactMoments:
        """What a free offset leaves."""
        assert self.data.x_mean is not None
        assert self.data.y_mean is not None
        p, q, weight = self.data.x_mean, self.data.y_mean[0], self.weight
        return ExactMoments(
            [[entry - p[i] * p[j] / weight for j, entry in enumerate(row)] for i, row in enumerate(self.data.xx)],
            [[row[0] - p[i] * q / weight] for i, row in enumerate(self.data.xy)],
            self.data.yy - q * q / weight,
        )


def outputs_of(problem: Problem) -> list[Weighted]:
    """Every output's own exact moments."""
    samples = problem.samples
    assert samples is not None
    if samples.weights is None:
        return [
            Weighted(of_samples(samples.x, samples.y[:, j : j + 1]), Fraction(1)) for j in range(samples.y.shape[1])
        ]
    x = exact(samples.x)
    n, d = len(x), len(x[0])
    found = []
    for j in range(samples.y.shape[1]):
        y = [Fraction(float(value)) for value in samples.y[:, j]]
        w = [Fraction(float(value)) / n for value in samples.weights[:, j]]
        scaled = [[a * share for a in row] for row, share in zip(x, w, strict=True)]
        xx = [
            [sum((r[a] * s[b] for r, s in zip(scaled, x, strict=True)), Fraction(0)) for b in range(d)]
            for a in range(d)
        ]
        xy = [[sum((r[a] * v for r, v in zip(scaled, y, strict=True)), Fraction(0))] for a in range(d)]
        yy = sum((share * v * v for share, v in zip(w, y, strict=True)), Fraction(0))
        x_mean = [sum((r[a] for r in scaled), Fraction(0)) for a in range(d)]
        y_mean = [sum((share * v for share, v in zip(w, y, strict=True)), Fraction(0))]
        found.append(Weighted(ExactMoments(xx, xy, yy, x_mean, y_mean), sum(w, Fraction(0))))
    return found


def _least(problem: Problem, penalty: Fraction = Fraction(0)) -> Fraction:
    """Least squares or ridge over all maps, one output after the other."""
    bias = problem.network.bias is Bias.OUTPUT
    moments = [each.centred() if bias else each.data for each in outputs_of(problem)]
    return sum((least_squares(each, penalty=penalty).loss for each in moments), Fraction(0))


def _behind(problem: Problem, matrix: Floats, penalty: Fraction) -> Fraction:
    """The same where a frozen first layer makes the inputs."""
    bias = problem.network.bias is Bias.OUTPUT
    frozen, total = exact(matrix), Fraction(0)
    for each in outputs_of(problem):
        data = each.centred() if bias else each.data
        xx = _times(_times(frozen, data.xx), _transposed(frozen))
        total += least_squares(ExactMoments(xx, _times(frozen, data.xy), data.yy), penalty=penalty).loss
    return total


def _before(problem: Problem, matrix: Floats, penalty: Fraction) -> Fraction:
    """The same where a frozen last layer A ends the network: one least squares over all entries of W together."""
    bias = problem.network.bias is Bias.OUTPUT
    moments = [each.centred() if bias else each.data for each in outputs_of(problem)]
    frozen = exact(matrix)
    r, d = len(frozen[0]), len(moments[0].xx)
    gram = _times(_transposed(frozen), frozen)
    xx = [[gram[i // d][j // d] * moments[0].xx[i % d][j % d] for j in range(r * d)] for i in range(r * d)]
    xy = [
        [sum((frozen[o][i // d] * moments[o].xy[i % d][0] for o in range(len(frozen))), Fraction(0))]
        for i in range(r * d)
    ]
    yy = sum((each.yy for each in moments), Fraction(0))
    return least_squares(ExactMoments(xx, xy, yy), penalty=penalty).loss


def _shifted(problem: Problem, penalty: Fraction) -> Fraction:
    """The same with the inputs taken off the targets."""
    bias = problem.network.bias is Bias.OUTPUT
    total = Fraction(0)
    for output, each in enumerate(outputs_of(problem)):
        data = each.centred() if bias else each.data
        column = [row[output] for row in data.xx]
        xy = [[a[0] - b] for a, b in zip(data.xy, column, strict=True)]
        yy = data.yy - 2 * data.xy[output][0] + column[output]
        total += least_squares(ExactMoments(data.xx, xy, yy), penalty=penalty).loss
    return total


@dataclass(frozen=True)
class Draw:
    """What every kind starts from."""

    rng: np.random.Generator
    x: Floats
    latent: Floats
    decay: float
    bias: Bias

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return int(self.x.shape[1])

    def targets(self, outputs: int) -> Floats:
        """Targets in which every direction of the inputs, the weakest too, has a part; some far from zero."""
        rng = self.rng
        clean = self.latent @ rng.normal(size=(self.inputs, outputs))
        level = 0.0 if rng.random() < 0.1 else 10.0 ** rng.uniform(-8.0, 0.0)
        shift = 10.0 ** rng.uniform(-2.0, 3.0) if rng.random() < 0.5 else 0.0
        y: Floats = (clean + level * rng.normal(size=clean.shape) + shift) * 10.0 ** rng.uniform(-3.0, 4.0)
        return y

    def problem(
        self, layers: list[Layer], y: Floats, skips: tuple[Skip, ...] = (), weights: Floats | None = None
    ) -> Problem:
        """The network on these samples."""
        network = Network(tuple(layers), bias=self.bias, bias_weight_decays=(0.0,) * len(layers), skips=skips)
        loss = Loss.SQUARED if weights is None else Loss.WEIGHTED_SQUARED
        return Problem(network, moments_of(self.x, y), Samples(self.x, y, weights), loss)

    def chain(self, outputs: int) -> list[Layer]:
        """One layer, or two without decay that are wide enough for every map."""
        if self.decay or self.rng.random() < 0.5:
            return [Layer(outputs, weight_decay=self.decay)]
        return [Layer(max(self.inputs, outputs)), Layer(outputs)]


def _weighted_samples(draw: Draw) -> tuple[Problem, Fraction]:
    y = draw.targets(int(draw.rng.integers(1, 3)))
    each = 10.0 ** draw.rng.uniform(-3.0, 3.0, len(y))
    problem = draw.problem(draw.chain(y.shape[1]), y, weights=np.repeat(each[:, None], y.shape[1], axis=1))
    return problem, _least(problem, Fraction(draw.decay))


def _weighted_outputs(draw: Draw) -> tuple[Problem, Fraction]:
    y = draw.targets(2) * 10.0 ** draw.rng.uniform(-3.0, 3.0, 2)
    both = np.outer(10.0 ** draw.rng.uniform(-2.0, 2.0, len(y)), 10.0 ** draw.rng.uniform(-3.0, 3.0, 2))
    layers = [Layer(2)] if draw.rng.random() < 0.5 else [Layer(max(draw.inputs, 2)), Layer(2)]
    problem = draw.problem(layers, y, weights=both)
    return problem, _least(problem)


def _frozen_first(draw: Draw) -> tuple[Problem, Fraction]:
    y = draw.targets(int(draw.rng.integers(1, 3)))
    width = int(draw.rng.integers(1, draw.inputs + 1))
    # the frozen layer brings the inputs back to one size, or leaves them as they are
    sizes = np.std(draw.x, axis=0) if draw.rng.random() < 0.7 else np.ones(draw.inputs)
    matrix = draw.rng.normal(size=(width, draw.inputs)) / np.where(sizes > 0.0, sizes, 1.0)
    problem = draw.problem([Layer(width, frozen_weights=matrix), *draw.chain(y.shape[1])], y)
    return problem, _behind(problem, matrix, Fraction(draw.decay))


def _frozen_last(draw: Draw) -> tuple[Problem, Fraction]:
    outputs = int(draw.rng.integers(2, 4))
    y = draw.targets(outputs)
    columns = int(draw.rng.integers(1, outputs + 1))
    isometry = draw.decay > 0.0 or draw.rng.random() < 0.5
    matrix = ISOMETRIES[outputs - 2][:, :columns] if isometry else draw.rng.normal(size=(outputs, columns))
    problem = draw.problem([*draw.chain(columns), Layer(outputs, frozen_weights=matrix)], y)
    return problem, _before(problem, matrix, Fraction(draw.decay))


def _frozen_between(draw: Draw) -> tuple[Problem, Fraction]:
    y = draw.targets(2)
    matrix = ISOMETRIES[0] if draw.rng.random() < 0.5 else draw.rng.normal(size=(2, 2))
    problem = draw.problem([Layer(2), Layer(2, frozen_weights=matrix), Layer(2)], y)
    return problem, _least(problem)


def _identity(draw: Draw) -> tuple[Problem, Fraction]:
    y = draw.targets(draw.inputs)
    if draw.rng.random() < 0.5:
        y = draw.x + y
    layers = draw.chain(draw.inputs)
    problem = draw.problem(layers, y, (Skip(0, len(layers), SkipKind.IDENTITY),))
    return problem, _shifted(problem, Fraction(draw.decay))


def _decayed_skip(draw: Draw) -> tuple[Problem, Fraction]:
    """Beside one decayed layer two decays act in parallel; beside free ones the skip does nothing."""
    y = draw.targets(int(draw.rng.integers(1, 3)))
    own = float(10.0 ** draw.rng.uniform(-10.0, 0.0))
    layers = draw.chain(y.shape[1])
    problem = draw.problem(layers, y, (Skip(0, len(layers), SkipKind.TRAINABLE, own),))
    one, other = Fraction(draw.decay), Fraction(own)
    return problem, _least(problem, one * other / (one + other))


def _free_skip(draw: Draw) -> tuple[Problem, Fraction]:
    y = draw.targets(int(draw.rng.integers(1, 3)))
    layers = [Layer(2, weight_decay=draw.decay), Layer(y.shape[1], weight_decay=draw.decay)]
    problem = draw.problem(layers, y, (Skip(0, 2, SkipKind.TRAINABLE),))
    return problem, _least(problem)


REDUCED_KINDS: Final[dict[str, Callable[[Draw], tuple[Problem, Fraction]]]] = {
    "weighted samples": _weighted_samples,
    "weighted outputs": _weighted_outputs,
    "frozen first": _frozen_first,
    "frozen last": _frozen_last,
    "frozen between": _frozen_between,
    "identity skip": _identity,
    "decayed skip": _decayed_skip,
    "free skip": _free_skip,
}


def reduced_case(seed: int) -> ReducedCase:
    """One of the problems: kinds of reductions and of data take turns, the rest is drawn."""
    rng = np.random.default_rng(seed)
    name = list(REDUCED_KINDS)[seed % len(REDUCED_KINDS)]
    kind = list(KINDS)[seed // len(REDUCED_KINDS) % len(KINDS)]
    n, size = int(10.0 ** rng.uniform(np.log10(5.0), 1.8)), int(rng.integers(2, 5))
    latent = rng.normal(size=(n, size))
    x = KINDS[kind](rng, latent, float(rng.uniform()))
    decay = 0.0 if rng.random() < 0.5 else float(10.0 ** rng.uniform(-12.0, -1.0))
    bias = Bias.OUTPUT if rng.random() < 0.6 else Bias.NONE
    problem, truth = REDUCED_KINDS[name](Draw(rng, x, latent, decay, bias))
    return ReducedCase(f"{name}, {kind} {seed}", name, problem, truth)


def _times(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return [[sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in left]


def _plus(left: Matrix, right: Matrix) -> Matrix:
    return [[a + b for a, b in zip(one, other, strict=True)] for one, other in zip(left, right, strict=True)]


def _applied(matrix: Matrix, vector: list[Fraction]) -> list[Fraction]:
    return [sum((a * b for a, b in zip(row, vector, strict=True)), Fraction(0)) for row in matrix]


def _transposed(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def _eye(size: int) -> Matrix:
    return [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]


def _square(matrix: Matrix) -> Fraction:
    return sum((entry * entry for row in matrix for entry in row), Fraction(0))
