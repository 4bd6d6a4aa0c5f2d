"""What the chunks of a phase diagram compute: blocks of the grid, boundaries, and both put together."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.asked.small_targets import traced
from service.core.asked.sweeps.columns import ORIGIN_CLASSES
from service.core.asked.sweeps.phase_diagram import block
from service.core.asked.sweeps.transitions import Boundary
from service.errors import NumericalError
from service.operations.plans.columns import column, with_nulls
from service.operations.plans.packing import unpack
from service.operations.plans.plan import Arrays, Json
from service.operations.plans.sweep_axes import unpacked
from service.vocabulary import SweepParameter

AnyArray: TypeAlias = npt.NDArray[Any]


def compute_block(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    """Columns of a block of points, in the caller's convention; whole numbers in as few bytes as they need."""
    problem = unpack(arguments["problem"], arrays)
    axes = unpacked(arguments, arrays)
    found = block(problem, axes, int(arguments["start"]), int(arguments["stop"]))
    return {name: told(name, getattr(found, name), arguments["factors"].get(name)) for name in arguments["columns"]}


def told(name: str, values: AnyArray, factor: float | None) -> AnyArray:
    """A column as it is told: whole numbers in few bytes, losses times ``factor``; `NumericalError` beyond doubles."""
    if values.dtype.kind == "i":
        return values.astype(np.min_scalar_type(int(values.max())))
    scaled = values if factor is None else values * factor
    if not np.isfinite(scaled).all():
        raise NumericalError(f"the column {name} leaves the range of double precision")
    return scaled


def compute_boundary(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    """The transitions along one axis, in the core's convention."""
    problem = unpack(arguments["problem"], arrays)
    axes = unpacked(arguments, arrays)
    return _boundary(traced(problem, axes, int(arguments["traced"])))


def _boundary(boundary: Boundary) -> dict[str, Json]:
    transitions = [
        {
            "order": [None if order is None else round(order) for order in with_nulls(transition.order)],
            "critical": with_nulls(transition.critical),
            "norm_before": with_nulls(transition.norm_before),
            "norm_after": with_nulls(transition.norm_after),
        }
        for transition in boundary.transitions
    ]
    return {
        "transitions": transitions,
        "metastable_up_to": with_nulls(boundary.metastable),
        "reasons": dict(boundary.reasons),
    }


def assemble(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """Put blocks and boundaries together, in the caller's convention; columns stay where the blocks are."""
    axes = unpacked(arguments, arrays)
    blocks, traced = inputs[: -len(axes)], inputs[-len(axes) :]
    units = [arguments["decay_scale"] if axis.parameter is SweepParameter.WEIGHT_DECAY else 1.0 for axis in axes]
    return {
        **arguments["header"],
        "axes": [
            {
                "parameter": axis.parameter,
                "layer": None if axis.layer is None else axis.layer + 1,
                "values": axis.values / unit,
            }
            for axis, unit in zip(axes, units, strict=True)
        ],
        "shape": [axis.values.size for axis in axes],
        "origin_classes": list(ORIGIN_CLASSES),
        "results": {name: column(blocks, name) for name in arguments["columns"]},
        "boundaries": [
            _in_units(one, axis.parameter, unit) for one, axis, unit in zip(traced, axes, units, strict=True)
        ],
    }


def _in_units(boundary: Mapping[str, Json], parameter: SweepParameter, unit: float) -> dict[str, Json]:
    def in_units(values: Sequence[float | None]) -> list[float | None]:
        return [None if value is None else value / unit for value in values]

    transitions = [{**one, "critical": in_units(one["critical"])} for one in boundary["transitions"]]
    metastable = in_units(boundary["metastable_up_to"])
    return {**boundary, "traced": parameter, "transitions": transitions, "metastable_up_to": metastable}
