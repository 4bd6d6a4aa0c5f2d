"""Gradient flows between the wire and the core."""

from typing import Any

from service.core.dynamics.flow import Until, gaussian_start
from service.core.dynamics.flow_record import FlowRecord
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot
from service.errors import InputError
from service.operations.mapping import ranks, snapshots
from service.operations.mapping.problem import MappedProblem
from service.schemas.flows import FlowAnswer, FlowRequest, GivenStart
from service.schemas.ranks import RanksRequest
from service.vocabulary import FlowTime, Loss


def to_core(request: FlowRequest, mapped: MappedProblem) -> Setting:
    """The setting; `InputError` where a flow cannot run on it."""
    setting = ranks.to_core(RanksRequest(problem=request.problem, training=request.training), mapped)
    if not setting.graph.is_piecewise_linear:
        raise InputError.at(("network", "layers"), "must have linear, relu or leaky_relu activations for a flow")
    if setting.problem.loss is Loss.WEIGHTED_SQUARED:
        raise InputError.at(("objective", "loss"), "must not be weighted_squared for a flow")
    needs_samples = setting.problem.loss is not Loss.SQUARED or not setting.graph.is_linear or setting.graph.skips()
    if setting.problem.moments is None or (needs_samples and setting.problem.samples is None):
        raise InputError.at(("data", "kind"), "must bring samples: the flow evaluates the network on them")
    if any(layer.noise_variance > 0.0 for layer in setting.problem.network.layers) and needs_samples:
        raise InputError.at(("network", "layers"), "may have noise only in linear networks under squared loss")
    return setting


def start_of(request: FlowRequest, setting: Setting) -> Snapshot:
    """Weights at the start: as given, or drawn by the seed."""
    if isinstance(request.initialisation, GivenStart):
        at = ("initialisation", "snapshot")
        return snapshots.to_core([request.initialisation.snapshot], setting.graph, at)[0]
    return gaussian_start(setting, request.initialisation.scale, request.seed)


def until_of(request: FlowRequest) -> Until:
    """When it ends."""
    return Until(request.until.log_loss, request.until.evaluations)


def to_wire(request: FlowRequest, mapped: MappedProblem, record: FlowRecord, evaluations: int) -> FlowAnswer:
    """The answer, validated."""
    is_log_norm = record.time is FlowTime.LOG_NORM
    reasons = dict(record.reasons)
    reasons["objectives" if is_log_norm else "log_losses"] = (
        "the flow runs on the log of the loss" if is_log_norm else "the flow runs on the objective itself"
    )
    predicted = RanksRequest(problem=request.problem, training=request.training)
    document: dict[str, Any] = {
        "stop": record.stop,
        "time": record.time,
        "times": list(record.times),
        "log_losses": list(record.values) if is_log_norm else None,
        "objectives": None if is_log_norm else [value * mapped.scaling.loss for value in record.values],
        "norms": list(record.norms),
        "margins": _listed(record.margins),
        "cosines": _listed(record.cosines),
        "pattern_changes": list(record.pattern_changes),
        "balance_decay": _listed(record.balance_decay),
        "ranks": ranks.to_wire(predicted, mapped, record.ranks, None),
        "evaluations": evaluations,
        "reasons": reasons,
    }
    return FlowAnswer.model_validate(document)


def _listed(values: tuple[float, ...] | None) -> list[float] | None:
    return None if values is None else list(values)
