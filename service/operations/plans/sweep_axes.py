"""The axes of a phase diagram: what a request asks for, checked, and their values in the core's convention."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from service.core.asked.sweeps.axes import DECAYS, Axis
from service.core.ground.numbers.arrays import FloatArray
from service.errors import FieldError, InputError, LimitExceeded, Location
from service.operations.mapping.network import beyond_convention
from service.operations.mapping.problem import MappedProblem
from service.operations.plans.plan import Arrays, Json
from service.schemas.sweeps import DiagramAxis, DiagramRequest
from service.settings import Limits
from service.vocabulary import SweepParameter

WHOLE: Final = (SweepParameter.WIDTH, SweepParameter.DEPTH)


def check_points(request: DiagramRequest, limits: Limits) -> None:
    """`LimitExceeded` for a grid of more points than the server allows."""
    total = 1
    for axis in request.axes:
        total *= axis.points
    if total > limits.max_sweep_points:
        raise LimitExceeded(("axes",), "max_sweep_points", limits.max_sweep_points, "points")


def axes_of(request: DiagramRequest, mapped: MappedProblem, limits: Limits) -> tuple[Axis, ...]:
    """The axes of a request; `InputError` where they contradict each other, themselves or the network."""
    parameters = [axis.parameter for axis in request.axes]
    if len(set(parameters)) < len(parameters):
        raise InputError.at(("axes", 1, "parameter"), "must differ from that of the first axis")
    problems = [problem for index, axis in enumerate(request.axes) for problem in _contradictions(axis, index, mapped)]
    depths = [axis for axis in request.axes if axis.parameter is SweepParameter.DEPTH]
    layers = mapped.core.network.n_layers
    for index, axis in enumerate(request.axes):
        if (
            depths
            and axis.layer is not None
            and axis.layer < layers
            and axis.layer > min(depths[0].from_, depths[0].to)
        ):
            problems.append(FieldError(("axes", index, "layer"), "must be a layer that exists at the smallest depth"))
    if problems:
        raise InputError(problems)
    return tuple(_axis(axis, index, mapped, limits) for index, axis in enumerate(request.axes))


def _contradictions(axis: DiagramAxis, index: int, mapped: MappedProblem) -> list[FieldError]:
    at: Location = ("axes", index)
    problems = []
    network = mapped.core.network
    if axis.spacing == "log" and min(axis.from_, axis.to) == 0.0:
        problems.append(FieldError((*at, "spacing"), "must be linear: the axis begins at 0"))
    if axis.layer is not None and axis.parameter is not SweepParameter.WEIGHT_DECAY:
        problems.append(FieldError((*at, "layer"), "belongs to weight_decay only"))
    if axis.layer is not None and axis.layer > network.n_layers:
        problems.append(FieldError((*at, "layer"), f"must be at most {network.n_layers}, the number of layers"))
    if axis.parameter is SweepParameter.WIDTH and round(min(axis.from_, axis.to)) < 1:
        problems.append(FieldError((*at, "from"), "must be at least 1 for a width"))
    if axis.parameter is SweepParameter.DEPTH and not network.n_hidden and round(max(axis.from_, axis.to)) >= 1:
        problems.append(FieldError((*at, "parameter"), "needs a network with a hidden layer to copy"))
    return problems


def _axis(axis: DiagramAxis, index: int, mapped: MappedProblem, limits: Limits) -> Axis:
    at: Location = ("axes", index, "to")
    largest = max(axis.from_, axis.to)
    if axis.parameter is SweepParameter.WIDTH and largest > limits.max_width:
        raise LimitExceeded(at, "max_width", limits.max_width, "neurons")
    if axis.parameter is SweepParameter.DEPTH and largest >= limits.max_layers:
        raise LimitExceeded(at, "max_layers", limits.max_layers, "layers")
    logarithmic = axis.spacing == "log" or (
        axis.spacing is None and axis.parameter in DECAYS and min(axis.from_, axis.to) > 0.0
    )
    space = np.geomspace if logarithmic else np.linspace
    values: FloatArray = space(axis.from_, axis.to, axis.points)
    if axis.parameter in WHOLE:
        values = np.unique(np.rint(values))
    if axis.parameter is SweepParameter.WEIGHT_DECAY:
        with np.errstate(over="ignore"):
            values = values * mapped.scaling.decay
        if not np.isfinite(values).all():
            raise InputError.at(at, beyond_convention(mapped.scaling.decay))
    return Axis(axis.parameter, values, None if axis.layer is None else axis.layer - 1)


def packed(axes: Sequence[Axis]) -> tuple[list[dict[str, Json]], dict[str, FloatArray]]:
    """JSON and values (m,) of each axis, so that chunks need not read the request again."""
    named = [{"parameter": axis.parameter, "layer": axis.layer} for axis in axes]
    return named, {f"axis_{index}": axis.values for index, axis in enumerate(axes)}


def unpacked(arguments: Mapping[str, Json], arrays: Arrays) -> list[Axis]:
    """Invert `packed`."""
    return [
        Axis(
            SweepParameter(axis["parameter"]),
            np.asarray(arrays[f"axis_{index}"], dtype=np.float64),
            None if axis["layer"] is None else int(axis["layer"]),
        )
        for index, axis in enumerate(arguments["axes"])
    ]
