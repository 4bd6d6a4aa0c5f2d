"""Gradients from sampled rows and sampled noise masks, one independent stream of random numbers for each run."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Network, Samples
from service.core.losses.batched import BatchedLoss, Stack
from service.core.losses.batched_samples import BatchedSampleLoss

BLOCK: Final = 32
"""Steps drawn at once; fixed, because it decides the order of the random numbers."""


class SampledGradient:
    """Unbiased gradients of the data term.

    Parameters
    ----------
    loss : BatchedLoss
    samples : Samples
    batch_size : int
        Rows drawn with replacement at each step; each has noise masks of its own.
    generators : sequence of Generator
        One for each run.
    gaussian : sequence of bool
        For the inputs and each hidden layer, whether its noise is Gaussian; else it is dropout.
    """

    def __init__(
        self,
        loss: BatchedLoss,
        samples: Samples,
        batch_size: int,
        generators: Sequence[np.random.Generator],
        gaussian: Sequence[bool],
    ) -> None:
        self._loss = loss
        self._network: Network = loss.network
        self._samples, self._batch = samples, batch_size
        self._generators = generators
        variances = [self._network.input_noise_variance, *self._network.noise_variances.tolist()]
        widths = [samples.x.shape[1], *self._network.hidden_widths]
        self._noise = list(zip(variances, widths, gaussian, strict=True))
        self._rows: IntArray = np.empty(0, dtype=np.int_)
        self._masks: list[FloatArray | None] = []

    def at(self, step: int, parameters: Sequence[FloatArray]) -> Stack:
        """Gradient, arrays (runs, ...), for step number ``step``; steps must be asked for in order."""
        place = step % BLOCK
        if place == 0:
            self._draw()
        rows = self._rows[:, place]
        return self._backward(parameters, rows, [None if mask is None else mask[:, place] for mask in self._masks])

    def _draw(self) -> None:
        n = len(self._samples.x)
        drawn = []
        for generator in self._generators:
            rows = generator.integers(n, size=(BLOCK, self._batch))
            drawn.append((rows, [self._mask(generator, *noise) for noise in self._noise]))
        self._rows = np.stack([rows for rows, _ in drawn])
        self._masks = [
            np.stack([masks[index] for _, masks in drawn]) if variance else None
            for index, (variance, _, _) in enumerate(self._noise)
        ]

    def _mask(self, generator: np.random.Generator, variance: float, width: int, gaussian: bool) -> FloatArray:
        """Factors of mean one and the given variance; dropout drops with probability s / (1 + s)."""
        shape = (BLOCK, self._batch, width)
        if not variance:
            return np.ones((1, 1, 1))
        if gaussian:
            factors: FloatArray = 1.0 + np.sqrt(variance) * generator.standard_normal(shape)
            return factors
        return np.where(generator.random(shape) < variance / (1.0 + variance), 0.0, 1.0 + variance)

    def _backward(self, parameters: Sequence[FloatArray], rows: IntArray, masks: list[FloatArray | None]) -> Stack:
        network = self._network
        own = iter(parameters[network.n_layers :])
        entering = _masked(self._samples.x[rows], masks[0])
        inputs = []
        for index, weight in enumerate(parameters[: network.n_layers]):
            inputs.append(entering)
            leaving = entering @ weight.swapaxes(1, 2)
            if network.has_bias(index):
                leaving = leaving + next(own).swapaxes(1, 2)
            entering = _masked(leaving, masks[index + 1]) if index + 1 < network.n_layers else leaving
        back = (2.0 / self._batch) * (entering - self._samples.y[rows])
        weight_slopes: Stack = []
        bias_slopes: Stack = []
        for index in range(network.n_layers - 1, -1, -1):
            weight_slopes.append(back.swapaxes(1, 2) @ inputs[index])
            if network.has_bias(index):
                bias_slopes.append(back.sum(axis=1)[:, :, None])
            if index:
                back = _masked(back @ parameters[index], masks[index])
        return [*reversed(weight_slopes), *reversed(bias_slopes)]


class SampledRows(SampledGradient):
    """The same for networks with activations, which have no noise."""

    def _backward(self, parameters: Sequence[FloatArray], rows: IntArray, masks: list[FloatArray | None]) -> Stack:  # noqa: ARG002 - there is no noise
        if not isinstance(self._loss, BatchedSampleLoss):
            raise TypeError("networks with activations are trained on samples")
        return self._loss.on(parameters, self._samples.x[rows], self._samples.y[rows])[1]


def _masked(values: FloatArray, mask: FloatArray | None) -> FloatArray:
    return values if mask is None else values * mask
