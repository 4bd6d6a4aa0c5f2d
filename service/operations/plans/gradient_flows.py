"""Gradient flows as a plan that follows its results: every chunk goes on from the state that the last one stored."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np

from service.core.asked.flow_record import record_of
from service.core.dynamics.flow import FlowState, Until, advance, begin
from service.core.dynamics.flow_rates import Rates, time_of
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, blank, flatten, unflatten
from service.core.ranks.training import Teacher, Training
from service.errors import LimitExceeded
from service.operations.mapping import flows, learned_modes, ranks
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.locations import located
from service.operations.plans.columns import numbers
from service.operations.plans.packing import pack, unpack
from service.operations.plans.plan import Arrays, Chunk, Json, Plan, Work
from service.schemas.base import applicable
from service.schemas.flows import FlowAnswer, FlowRequest
from service.schemas.parts import FlowMoment, FlowMoments
from service.settings import Limits
from service.vocabulary import Dynamics, FlowTime, InitialLoss

CHUNK_S: Final = 0.5
# measured on one core: a gradient, a product of two numbers in it, in a Jacobian and in factoring it
GRADIENT_S: Final = 5e-5
PER_PRODUCT_S: Final = 1e-9
SMOOTH_GRADIENTS: Final = 3_000
KINK_GRADIENTS: Final = 2_000
PER_LOG_LOSS: Final = 4


def gradient_flows_plan(request: FlowRequest, limits: Limits) -> Plan:
    """Cut a flow into chunks of bounded work.

    Raises
    ------
    InputError, LimitExceeded
        Before any step is made; locations from the root of the request.
    """
    flows.check_dynamics(request)
    with located(("problem",)):
        mapped = problem_mapping.to_core(request.problem, limits)
        setting = flows.to_core(request, mapped)
        if setting.graph.numbers > limits.max_flow_weights:
            raise LimitExceeded(("network", "layers"), "max_flow_weights", limits.max_flow_weights, "weights")
    start = flows.start_of(request, setting)
    packed, arrays = pack(setting.problem)
    head = ranks.heading(request.problem, request.training, mapped)
    each = _gradient_s(setting)
    arguments = {
        "problem": packed,
        "inputs": setting.inputs,
        "training": asdict(setting.training),
        "until": asdict(flows.until_of(request)),
        "gradients": int(np.clip(CHUNK_S / each, 50, 50_000)),
        "head": asdict(head),
        "weights": "weights" in request.include,
        "modes": "modes" in request.include,
        "learning_rate": request.learning_rate,
    }
    cost = min(_gradients(request, setting), request.until.evaluations) * each
    first = Chunk("begin", arguments)
    return Plan([first], "record", arguments, {**arrays, "start": flatten(start)}, cost, "follow")


def _gradients(request: FlowRequest, setting: Setting) -> int:
    """How many gradients the flow will take; all that are allowed where it may come to rest at a kink."""
    if setting.graph.is_linear:
        return SMOOTH_GRADIENTS
    if time_of(setting) is FlowTime.PLAIN:
        # beside a kink the gradient does not tend to zero, and steps go on until the effort ends
        return request.until.evaluations
    return KINK_GRADIENTS + int(PER_LOG_LOSS * abs(request.until.log_loss))


def _gradient_s(setting: Setting) -> float:
    """Seconds of one gradient, with its share of the Jacobian where there is one."""
    samples = 0 if setting.problem.samples is None else len(setting.problem.samples.x)
    shapes = setting.graph.shapes
    weights = sum(rows * columns for rows, columns in shapes)
    if setting.graph.is_linear and not setting.graph.skips():
        ends = setting.inputs * setting.outputs
        products = sum(rows * columns * max(rows, columns) for rows, columns in shapes)
        return GRADIENT_S + PER_PRODUCT_S * (2 * samples * ends + products + weights**2 * ends / 4.0)
    return GRADIENT_S + PER_PRODUCT_S * 4 * samples * weights


def compute_start(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> FlowMoments:
    """The state before the first segment."""
    setting, like = _setting(arguments, arrays)
    state = begin(setting, unflatten(np.asarray(arrays["start"], dtype=np.float64), like))
    return FlowMoments(moments=[_moment_of(setting, like, state)])


def compute_on(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> FlowMoments:
    """Segments from the stored state on, until the chunk has had its gradients or the flow has ended."""
    setting, like = _setting(arguments, arrays)
    until = Until(float(arguments["until"]["log_loss"]), int(arguments["until"]["evaluations"]))
    state = _state(_moments(inputs[0])[-1])
    moments: list[FlowMoment] = []
    end = state.evaluations + int(arguments["gradients"])
    while state.stop is None and state.evaluations < end:
        state = advance(setting, like, state, until, end - state.evaluations)
        moments.append(_moment_of(setting, like, state))
    return FlowMoments(moments=moments)


def follow(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> list[Chunk]:
    """One more chunk, unless the flow has ended."""
    if _moments(inputs[-1])[-1].stop is not None:
        return []
    shared = {name: arguments[name] for name in ("problem", "inputs", "training", "until", "gradients")}
    return [Chunk("advance", shared, (int(arguments["next_index"]) - 1,))]


def record(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> FlowAnswer:
    """The answer from all moments; of a segment that was cut short its end alone is reported."""
    setting, like = _setting(arguments, arrays)
    states = [_state(moment) for part in inputs for moment in _moments(part)]
    shown = [state for state in states if not state.is_cut or state is states[-1]]
    snapshots = [unflatten(state.theta, like) for state in shown]
    found = record_of(setting, shown, snapshots)
    given = arguments["head"]
    classes = None if given["classes"] is None else tuple(int(label) for label in given["classes"])
    head = ranks.Heading(given["problem_hash"], Dynamics(given["dynamics"]), classes, float(given["loss_scale"]))
    answer = flows.to_wire(head, found, shown[-1].evaluations, snapshots[-1] if arguments["weights"] else None)
    if not arguments["modes"]:
        return applicable(answer, "modes")
    start = unflatten(np.asarray(arrays["start"], dtype=np.float64), like)
    return learned_modes.added(answer, setting.problem, start, head.loss_scale, arguments["learning_rate"])


def _setting(arguments: Mapping[str, Json], arrays: Arrays) -> tuple[Setting, Snapshot]:
    stated = arguments["training"]
    initial, teacher = stated["initial_loss"], stated["teacher"]
    training = Training(
        dynamics=Dynamics(stated["dynamics"]),
        batch_size=None if stated["batch_size"] is None else int(stated["batch_size"]),
        learning_rate=stated["learning_rate"],
        momentum=float(stated["momentum"]),
        initial_loss=InitialLoss(initial) if isinstance(initial, str) else float(initial),
        teacher=None
        if teacher is None
        else Teacher(int(teacher["depth"]), int(teacher["width"]), teacher["norm_bound"]),
    )
    setting = Setting(unpack(arguments["problem"], arrays), int(arguments["inputs"]), training)
    return setting, blank(setting.graph)


def _moment_of(setting: Setting, like: Snapshot, state: FlowState) -> FlowMoment:
    """A state as it is stored, with what a reader of partial results wants to see."""
    rates = Rates(setting, like)
    value = rates.value(state.theta)
    logarithmic = rates.time is FlowTime.LOG_NORM
    moment = FlowMoment(
        theta=state.theta,
        time=state.time,
        evaluations=state.evaluations,
        segment=state.segment,
        first_gradient=state.first_gradient,
        best_value=state.best_value,
        idle=state.idle,
        stop=state.stop,
        is_cut=state.is_cut,
        log_loss=value if logarithmic else None,
        objective=None if logarithmic else value,
        norm=float(np.linalg.norm(state.theta)),
    )
    return applicable(moment, "log_loss", "objective")


def _moments(part: Json) -> list[FlowMoment]:
    return FlowMoments.model_validate(part).moments


def _state(moment: FlowMoment) -> FlowState:
    return FlowState(
        theta=numbers(moment.theta),
        time=moment.time,
        evaluations=moment.evaluations,
        segment=moment.segment,
        first_gradient=moment.first_gradient,
        best_value=moment.best_value,
        idle=moment.idle,
        stop=moment.stop,
        is_cut=moment.is_cut,
    )


WORK: Final = Work(
    gradient_flows_plan,
    {
        "begin": compute_start,
        "advance": compute_on,
        "follow": follow,
        "record": record,
    },
    longest_chunk_s=10.0,
)
