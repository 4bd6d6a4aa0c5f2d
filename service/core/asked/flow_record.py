"""A gradient flow reported as trajectories, each beside what theory allows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from service.core.asked.rank_prediction import predict
from service.core.dynamics.flow import FlowState
from service.core.dynamics.flow_rates import Rates
from service.core.ground.numbers.arrays import FloatArray
from service.core.ranks.invariants import balance, conserved_entries, invariants_of
from service.core.ranks.results import RankAnswer
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, forward
from service.vocabulary import FlowStop, FlowTime, Loss


@dataclass(frozen=True)
class FlowRecord:
    """One entry for each recorded moment, the start first.

    Attributes
    ----------
    time : FlowTime
    stop : FlowStop
    times, values : tuple of float
        Values are the log of the summed loss in log-norm time, the objective in plain time.
    norms : tuple of float
        Norm of all weights.
    margins : tuple of float or None
        Least margin over ``||theta||^L``; for homogeneous networks on two classes.
    margin_bound : float or None
        Upper bound of the margin over all weights of a linear network.
    cosines : tuple of float or None
        Between the end-to-end map of a linear network and the hard-margin direction.
    pattern_changes : tuple of int
        Signs of pre-activations that changed since the moment before.
    balance_decay : tuple of float or None
        Largest deviation of an entry of a balance from ``exp(-4 g t)`` times its start, over the nodes at which
        everything has one decay g.
    ranks : RankAnswer
        Predictions with the progress of each layer at these moments.
    reasons : mapping of str to str
    """

    time: FlowTime
    stop: FlowStop
    times: tuple[float, ...]
    values: tuple[float, ...]
    norms: tuple[float, ...]
    margins: tuple[float, ...] | None
    margin_bound: float | None
    cosines: tuple[float, ...] | None
    pattern_changes: tuple[int, ...]
    balance_decay: tuple[float, ...] | None
    ranks: RankAnswer
    reasons: dict[str, str]


def record_of(setting: Setting, states: Sequence[FlowState], snapshots: Sequence[Snapshot]) -> FlowRecord:
    """Trajectories of a flow that has ended."""
    rates = Rates(setting, snapshots[0])
    times = tuple(state.time for state in states)
    # decay is followed in plain time only
    measured = replace(setting, snapshots=tuple(snapshots), times=times if rates.time is FlowTime.PLAIN else None)
    margins, margin_bound, cosines = _margins(measured), _margin_bound(measured), _cosines(measured)
    balance_decay = _balance_decay(measured)
    reasons: dict[str, str] = {}
    if margins is None:
        reasons["margins"] = "for homogeneous networks on two labelled classes only"
    if margin_bound is None:
        reasons["margin_bound"] = "for linear networks without bias on separable data of two classes only"
    if cosines is None:
        reasons["cosines"] = "for linear networks without bias on separable data of two classes only"
    if balance_decay is None:
        reasons["balance_decay"] = "there is no node at which everything that is trained has the same decay"
    return FlowRecord(
        time=rates.time,
        stop=states[-1].stop or FlowStop.EFFORT,
        times=times,
        values=tuple(rates.value(state.theta) for state in states),
        norms=tuple(snapshot.norm for snapshot in snapshots),
        margins=margins,
        margin_bound=margin_bound,
        cosines=cosines,
        pattern_changes=_pattern_changes(measured),
        balance_decay=balance_decay,
        ranks=predict(measured),
        reasons=reasons,
    )


def end_to_end(setting: Setting, snapshot: Snapshot) -> FloatArray:
    """What distinguishes two classes in a linear network: the row (d,), or the difference of two rows."""
    product: FloatArray = np.eye(setting.inputs)
    for weight in snapshot.weights:
        product = weight @ product
    row: FloatArray = product[0] if len(product) == 1 else product[1] - product[0]
    return row


def _margins(setting: Setting) -> tuple[float, ...] | None:
    labelled, graph = setting.labelled, setting.graph
    if labelled is None or labelled.n_classes != 2 or not graph.is_homogeneous or setting.problem.loss is Loss.SQUARED:
        return None
    found = []
    for snapshot in setting.snapshots:
        prediction = forward(graph, snapshot, labelled.x).prediction
        scores = prediction[:, 0] if prediction.shape[1] == 1 else prediction[:, 1] - prediction[:, 0]
        scale = max(snapshot.norm, 1e-300) ** setting.n_layers
        found.append(float(np.min(labelled.signs * scores)) / scale if scale > 0.0 else 0.0)
    return tuple(found)


def _margin_bound(setting: Setting) -> float | None:
    """The geometric margin times the norm of the map, which ``||theta||^L L^(-L/2)`` bounds (geometric mean)."""
    if not _has_direction(setting) or setting.separability.margin is None:
        return None
    differences = np.sqrt(2.0) if setting.outputs == 2 else 1.0
    return float(setting.separability.margin * differences * setting.n_layers ** (-0.5 * setting.n_layers))


def _has_direction(setting: Setting) -> bool:
    graph = setting.graph
    is_product = graph.is_homogeneous and graph.is_linear and not graph.skips() and not graph.network.bias_layers
    return is_product and setting.has_one_direction and setting.separability.direction is not None


def _cosines(setting: Setting) -> tuple[float, ...] | None:
    direction = setting.separability.direction
    if direction is None or not _has_direction(setting):
        return None
    maps = [end_to_end(setting, snapshot) for snapshot in setting.snapshots]
    return tuple(float(row @ direction / max(float(np.linalg.norm(row)), 1e-300)) for row in maps)


def _pattern_changes(setting: Setting) -> tuple[int, ...]:
    if setting.graph.is_linear:
        return (0,) * len(setting.snapshots)
    patterns = [setting.patterns(index) or () for index in range(len(setting.snapshots))]
    changes = [0]
    for before, after in pairwise(patterns):
        changes.append(sum(int((old != new).sum()) for old, new in zip(before, after, strict=True)))
    return tuple(changes)


def _balance_decay(setting: Setting) -> tuple[float, ...] | None:
    graph, start = setting.graph, setting.snapshots[0]
    laws = [(row, conserved_entries(graph, row)) for row in invariants_of(graph) if row.rate > 0.0]
    if not laws or setting.times is None:
        return None
    found = []
    for time, snapshot in zip(setting.times, setting.snapshots, strict=True):
        deviations = [
            balance(graph, snapshot, row.nodes) - np.exp(-row.rate * time) * balance(graph, start, row.nodes)
            for row, _ in laws
        ]
        masked = zip(deviations, laws, strict=True)
        found.append(max(float(np.abs(deviation[mask]).max()) for deviation, (_, mask) in masked))
    return tuple(found)
