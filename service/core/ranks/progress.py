"""How far recorded weights have come: singular values against what the start allows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ranks.invariants import balance, conserved_entries, drift, invariants_of
from service.core.ranks.results import LayerProgress, MeasuredInvariant, Prediction
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot
from service.vocabulary import Conserved, Dynamics

SHOWN = 20
"""Largest singular values that are kept for each snapshot."""


def tail(values: FloatArray, rank: int) -> float:
    """Sum of the squared singular values (r,) after the first ``rank``."""
    return float(np.sum(values[rank:] ** 2))


def stable_rank(values: FloatArray) -> float | None:
    """``||W||_F^2 / ||W||_2^2`` from singular values (r,); None for a zero matrix."""
    return float(np.sum((values / values[0]) ** 2)) if values[0] > 0.0 else None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the balance at the start of training leaves open for a matrix of the linear end.

    Attributes
    ----------
    tail : float
        ``N_l = sum over j >= l of tr((C_j)_-)``.
    gap : float
        ``||(C_l)_-||`` of the node behind the matrix, zero for the last one.
    """

    tail: float
    gap: float


def allowances_of(setting: Setting, start: Snapshot) -> dict[int, Allowance]:
    """Allowance of each matrix of the linear end, by layer.

    Notes
    -----
    With r at least the rank of what the loss can move in the last matrix, ``tail_r(W_l(t)) <= N_l +
    tail_r(W_L(t))`` at all times along gradient flow without decay, for any loss.
    """
    allowances, total = {setting.n_layers: Allowance(0.0, 0.0)}, 0.0
    for layer in reversed(setting.graph.linear_block[:-1]):
        negative = np.maximum(-np.linalg.eigvalsh(balance(setting.graph, start, (layer,))), 0.0)
        total += float(np.sum(negative))
        allowances[layer] = Allowance(total, float(np.max(negative)))
    return allowances


def measured_invariants(setting: Setting) -> tuple[MeasuredInvariant, ...]:
    """Invariants of every node; with snapshots their value at the first and the drift at each.

    What decays has a drift only where the times of the snapshots are known.
    """
    rows = []
    for invariant in invariants_of(setting.graph):
        if not setting.snapshots or invariant.part is Conserved.NONE:
            rows.append(MeasuredInvariant(invariant, None, None))
            continue
        first = setting.snapshots[0]
        mask = conserved_entries(setting.graph, invariant)
        times = (0.0,) * len(setting.snapshots) if invariant.rate == 0.0 else setting.times
        drifts = None
        if times is not None:
            since = zip(times, setting.snapshots, strict=True)
            drifts = tuple(
                drift(setting.graph, invariant, first, later, mask, time - times[0]) for time, later in since
            )
        value = balance(setting.graph, first, invariant.nodes)
        rows.append(MeasuredInvariant(invariant, np.where(mask, value, 0.0), drifts))
    return tuple(rows)


def progress_of(setting: Setting, predictions: Sequence[Prediction]) -> tuple[LayerProgress, ...]:
    """Singular values, tails and alignment of every matrix at every snapshot, beside their bounds."""
    if not setting.snapshots:
        return ()
    decompositions = [
        [np.linalg.svd(weight, full_matrices=False) for weight in snapshot.weights] for snapshot in setting.snapshots
    ]
    allowances = allowances_of(setting, setting.snapshots[0]) if _is_plain_flow(setting) else {}
    rows = []
    for layer, prediction in enumerate(predictions, start=1):
        values = [found[layer - 1][1] for found in decompositions]
        last = [found[-1][1] for found in decompositions]
        target = _target(prediction)
        allowance = allowances.get(layer)
        rows.append(
            LayerProgress(
                norms=tuple(float(np.linalg.norm(row)) for row in values),
                stable_ranks=tuple(stable_rank(row) for row in values),
                singular_values=tuple(row[:SHOWN] for row in values),
                tails=tuple(tail(row, target) for row in values),
                tail_bound=None if allowance is None else allowance.tail + max(tail(row, target) for row in last),
                stable_rank_bounds=tuple(
                    _stable_rank_bound(row, end, allowance) for row, end in zip(values, last, strict=True)
                ),
                alignments=tuple(_alignment(found, layer) for found in decompositions),
                alignment_bounds=tuple(_alignment_bound(found, layer, allowance) for found in decompositions),
                reasons=_reasons(setting, layer, values, allowance),
            )
        )
    return tuple(rows)


def _target(prediction: Prediction) -> int:
    ranks = (prediction.rank, prediction.conditional_upper_bound, prediction.upper_bound, min(prediction.shape))
    return next(rank for rank in ranks if rank is not None)


def _is_plain_flow(setting: Setting) -> bool:
    layers = setting.problem.network.layers
    undisturbed = all(layer.frozen_weights is None and layer.noise_variance == 0.0 for layer in layers)
    return undisturbed and not setting.is_decayed and setting.training.dynamics is Dynamics.GRADIENT_FLOW


def _stable_rank_bound(values: FloatArray, last: FloatArray, allowance: Allowance | None) -> float | None:
    """``1 + N / (||W||^2 - N)`` where the norm has outgrown what the start left behind."""
    if allowance is None:
        return None
    square, rest = float(np.sum(values**2)), allowance.tail + tail(last, 1)
    return 1.0 + rest / (square - rest) if square > rest else None


def _alignment(found: Sequence[tuple[FloatArray, FloatArray, FloatArray]], layer: int) -> float | None:
    if layer == len(found):
        return None
    left, values, _ = found[layer - 1]
    _, next_values, right = found[layer]
    if values[0] == 0.0 or next_values[0] == 0.0 or right.shape[1] != left.shape[0]:
        return None
    return float((left[:, 0] @ right[0]) ** 2)


def _alignment_bound(
    found: Sequence[tuple[FloatArray, FloatArray, FloatArray]], layer: int, allowance: Allowance | None
) -> float | None:
    """``(sigma_1(W_l)^2 - ||(C_l)_-|| - tail_1(W_{l+1})) / sigma_1(W_{l+1})^2``, once it says anything."""
    if allowance is None or layer == len(found):
        return None
    values, following = found[layer - 1][1], found[layer][1]
    if following[0] == 0.0:
        return None
    bound = float((values[0] ** 2 - allowance.gap - tail(following, 1)) / following[0] ** 2)
    return bound if bound > 0.0 else None


def _reasons(setting: Setting, layer: int, values: list[FloatArray], allowance: Allowance | None) -> dict[str, str]:
    reasons: dict[str, str] = {}
    if any(row[0] == 0.0 for row in values):
        reasons["stable_ranks"] = "undefined for a zero matrix"
    if allowance is None:
        outside = layer not in setting.graph.linear_block
        broken = "it holds along gradient flow without decay, noise and frozen layers only"
        why = "the layer is not in the linear end of the network" if outside else broken
        reasons |= {"tail_bound": why, "stable_rank_bounds": why, "alignment_bounds": why}
    else:
        early = "null while the terms from the start of training are not yet small beside the norm"
        reasons["alignment_bounds"] = "no matrix follows" if layer == setting.n_layers else early
        if any(float(np.sum(row**2)) <= allowance.tail for row in values):
            reasons["stable_rank_bounds"] = early
    if layer == setting.n_layers:
        reasons["alignments"] = "no matrix follows"
    elif any(row[0] == 0.0 for row in values):
        reasons["alignments"] = "undefined for a zero matrix"
    return reasons
