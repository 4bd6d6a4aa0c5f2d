"""What factorising a matrix at its predicted rank saves, and what it costs on recorded weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.core.data_facts.labels import CLASSIFICATION_LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import loss_of
from service.core.losses.logarithms import log_loss
from service.core.ranks.results import Prediction
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, forward
from service.vocabulary import Loss


@dataclass(frozen=True)
class Advice:
    """Advice for one matrix.

    Attributes
    ----------
    rank : int
        The rank at which it would be factorised.
    certain : bool
        Whether that rank rests on rules whose every hypothesis holds.
    factor_shapes : pair of (int, int)
        ``left`` and ``right`` with ``W = left right``.
    parameters_before, parameters_after : int
        Of this matrix; after is not larger, since a matrix is kept where factors do not pay.
    error : float or None
        Relative Frobenius error of the best approximation of the last snapshot.
    """

    rank: int
    certain: bool
    factor_shapes: tuple[tuple[int, int], tuple[int, int]]
    parameters_before: int
    parameters_after: int
    error: float | None


@dataclass(frozen=True)
class Compression:
    """Advice for every matrix, and the loss of the last snapshot before and after all of it.

    Attributes
    ----------
    layers : tuple of Advice
    loss_before, loss_after : float or None
        The objective in the core's convention; None with a reason.
    reason : str
    """

    layers: tuple[Advice, ...]
    loss_before: float | None
    loss_after: float | None
    reason: str


def truncated(weight: FloatArray, rank: int) -> FloatArray:
    """Nearest matrix of at most that rank (Eckart, Young 1936)."""
    left, values, right = np.linalg.svd(weight, full_matrices=False)
    nearest: FloatArray = (left[:, :rank] * values[:rank]) @ right[:rank]
    return nearest


def compression_of(setting: Setting, predictions: Sequence[Prediction]) -> Compression:
    """Factor shapes, savings and the exact change of loss at the last snapshot."""
    last = setting.snapshots[-1] if setting.snapshots else None
    advice = tuple(
        _advice(prediction, None if last is None else last.weights[index])
        for index, prediction in enumerate(predictions)
    )
    if last is None:
        return Compression(advice, None, None, "no weights were given")
    weights = tuple(
        weight if row.rank >= min(weight.shape) else truncated(weight, row.rank)
        for weight, row in zip(last.weights, advice, strict=True)
    )
    before, reason = objective(setting, last)
    after, _ = objective(setting, replace(last, weights=weights))
    return Compression(advice, before, after, reason)


def objective(setting: Setting, snapshot: Snapshot) -> tuple[float | None, str]:
    """Mean loss over the samples plus decay at recorded weights; None with the reason."""
    problem = setting.problem
    if problem.moments is None:
        return None, "there are no data"
    if setting.graph.has_convolutions:
        return None, "networks with shared kernels are not evaluated"
    if problem.loss is Loss.SQUARED and setting.graph.is_linear and not setting.graph.skips():
        parameters = DenseParameters(snapshot.weights, snapshot.biases)
        return float(loss_of(problem.network, problem.moments, parameters)), ""
    if problem.loss not in CLASSIFICATION_LOSSES or setting.labelled is None or not setting.graph.is_piecewise_linear:
        return None, "the loss change is exact for linear networks and for labelled samples only"
    prediction = forward(setting.graph, snapshot, setting.labelled.x).prediction
    total = log_loss(problem.loss, prediction, setting.labelled.classes)
    decay = sum(
        layer.weight_decay * float(np.sum(weight**2))
        for layer, weight in zip(problem.network.layers, snapshot.weights, strict=True)
    )
    mean = math.exp(min(total, 700.0)) / len(setting.labelled.x)
    return mean + decay, ""


def _advice(prediction: Prediction, weight: FloatArray | None) -> Advice:
    rows, columns = prediction.shape
    certain = prediction.rank if prediction.rank is not None else prediction.upper_bound
    rank = prediction.conditional_upper_bound if prediction.conditional_upper_bound is not None else certain
    rank = min(prediction.shape) if rank is None else min(rank, *prediction.shape)
    before, factored = rows * columns, rank * (rows + columns)
    error = None
    if weight is not None:
        values = np.linalg.svd(weight, compute_uv=False)
        total = float(np.sum(values**2))
        error = math.sqrt(float(np.sum(values[rank:] ** 2)) / total) if total > 0.0 else 0.0
    return Advice(
        rank=rank,
        certain=prediction.conditional_upper_bound is None,
        factor_shapes=((rows, rank), (rank, columns)),
        parameters_before=before,
        parameters_after=min(before, factored),
        error=error,
    )
