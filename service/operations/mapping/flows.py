"""Gradient flows between the wire and the core."""

from service.core.asked.flow_record import FlowRecord
from service.core.dynamics.flow import Until, drawn_start, gaussian_start
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot
from service.errors import InputError
from service.operations.mapping import ranks, snapshots
from service.operations.mapping.problem import MappedProblem
from service.schemas.base import applicable
from service.schemas.flows import FlowAnswer, FlowRequest, GaussianStart, GivenStart
from service.schemas.ranks import RanksRequest
from service.version import ENGINE_VERSION
from service.vocabulary import Dynamics, FlowTime, Loss


def to_core(request: FlowRequest, mapped: MappedProblem) -> Setting:
    """The setting; `InputError` below the problem where a flow cannot run on it."""
    setting = ranks.to_core(RanksRequest(problem=request.problem, training=request.training), mapped)
    if not setting.graph.is_piecewise_linear:
        raise InputError.at(("network", "layers"), "must have linear, relu or leaky_relu activations for a flow")
    if setting.problem.loss is Loss.WEIGHTED_SQUARED:
        raise InputError.at(("objective", "loss"), "must not be weighted_squared for a flow")
    needs_samples = setting.problem.loss is not Loss.SQUARED or not setting.graph.is_linear or setting.graph.skips()
    if setting.problem.moments is None or (needs_samples and setting.problem.samples is None):
        raise InputError.at(("data", "kind"), "must be samples: the flow evaluates the network on them")
    network = setting.problem.network
    noisy = network.input_noise_variance > 0.0 or any(layer.noise_variance > 0.0 for layer in network.layers)
    if noisy and needs_samples:
        raise InputError.at(("network", "layers"), "may have noise only in linear networks under squared loss")
    return setting


def check_dynamics(request: FlowRequest) -> None:
    """Refuse what is stated of another kind of training."""
    if request.training.dynamics is not Dynamics.GRADIENT_FLOW:
        raise InputError.at(("training", "dynamics"), "must be gradient_flow, which this operation follows")


def start_of(request: FlowRequest, setting: Setting) -> Snapshot:
    """Weights at the start: as given, or drawn by the seed."""
    start = request.initialisation
    if isinstance(start, GivenStart):
        return snapshots.one_to_core(start.snapshot, setting.graph, ("initialisation", "snapshot"))
    if isinstance(start, GaussianStart):
        return gaussian_start(setting, start.scale, request.seed)
    if setting.graph.skips():
        raise InputError.at(("initialisation",), "must be gaussian or weights: the schemes do not support skips")
    return drawn_start(setting, start, request.seed)


def until_of(request: FlowRequest) -> Until:
    """When it ends."""
    return Until(request.until.log_loss, request.until.evaluations)


def to_wire(head: ranks.Heading, record: FlowRecord, evaluations: int, end: Snapshot | None) -> FlowAnswer:
    """The answer, validated; ``end`` are weights to show."""
    is_log_norm = record.time is FlowTime.LOG_NORM
    reasons = dict(record.reasons)
    reasons["objectives" if is_log_norm else "log_losses"] = (
        "the flow runs on the log of the loss" if is_log_norm else "the flow runs on the objective itself"
    )
    # the caller's objective falls faster by its factor
    clock = 1.0 if is_log_norm else 1.0 / head.loss_scale
    answer = FlowAnswer(
        stop=record.stop,
        time=record.time,
        times=[time * clock for time in record.times],
        log_losses=list(record.values) if is_log_norm else None,
        objectives=None if is_log_norm else [value * head.loss_scale for value in record.values],
        norms=list(record.norms),
        margins=_listed(record.margins),
        margin_bound=record.margin_bound,
        cosines=_listed(record.cosines),
        pattern_changes=list(record.pattern_changes),
        balance_decay=_listed(record.balance_decay),
        ranks=ranks.answered(head, record.ranks),
        evaluations=evaluations,
        reasons=reasons,
        engine_version=ENGINE_VERSION,
        problem_hash=head.problem_hash,
        weights=None if end is None else snapshots.to_wire(end),
    )
    return applicable(answer, "weights")


def _listed(values: tuple[float, ...] | None) -> list[float] | None:
    return None if values is None else list(values)
