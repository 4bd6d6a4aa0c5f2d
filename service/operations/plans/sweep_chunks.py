"""What the chunks of a phase diagram compute: blocks of the grid, boundaries, and both put together."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from service.core.asked.small_targets import traced
from service.core.asked.sweeps.axes import Axis
from service.core.asked.sweeps.columns import ORIGIN_CLASSES
from service.core.asked.sweeps.phase_diagram import block
from service.errors import NumericalError
from service.operations.plans.columns import with_nulls
from service.operations.plans.packing import unpack
from service.operations.plans.plan import Arrays, Json
from service.operations.plans.sweep_axes import unpacked
from service.schemas.arrays import StoredColumn
from service.schemas.base import Wire, applicable
from service.schemas.minima import PreparedColumn
from service.schemas.sweeps import AxisValues, DiagramAnswer, PhaseBoundary, PhaseResults, PhaseTransition
from service.vocabulary import Convention, SweepParameter

AnyArray: TypeAlias = npt.NDArray[Any]


class DiagramHeading(Wire):
    """What of an answer is known before any chunk."""

    solver: str = Field(description="Name of the solver behind every point.")
    theorems: list[str] = Field(description="Ids of the theorems behind that solver.")
    input_columns: list[PreparedColumn] | None = Field(
        description="How the inputs were prepared; null where they are as sent."
    )
    convention: Convention = Field(strict=False, description="The convention of the losses: that of the request.")
    engine_version: str = Field(description="Version of the engine that computes the answer.")
    problem_hash: str = Field(description="Hash of the problem with its defaults filled in.")


def compute_block(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> PhaseResults:
    """Columns of a block of points, in the caller's convention; whole numbers in as few bytes as they need."""
    problem = unpack(arguments["problem"], arrays)
    axes = unpacked(arguments, arrays)
    found = block(problem, axes, int(arguments["start"]), int(arguments["stop"]))
    factors: Mapping[str, float] = arguments["factors"]
    return PhaseResults(
        **{name: as_sent(name, getattr(found, name), factors.get(name)) for name in arguments["columns"]}
    )


def as_sent(name: str, values: AnyArray, factor: float | None) -> AnyArray:
    """A column (m,) as it is sent: whole numbers in few bytes, losses times ``factor``.

    Raises
    ------
    NumericalError
        If a number leaves double precision.
    """
    if values.dtype.kind == "i":
        return values.astype(np.min_scalar_type(int(values.max())))
    scaled = values if factor is None else values * factor
    if not np.isfinite(scaled).all():
        raise NumericalError(f"the column {name} leaves the range of double precision")
    return scaled


def compute_boundary(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> PhaseBoundary:
    """The transitions along one axis, in the caller's convention."""
    problem = unpack(arguments["problem"], arrays)
    axes, place = unpacked(arguments, arrays), int(arguments["traced"])
    found, unit = traced(problem, axes, place), _unit(axes[place], arguments)
    return PhaseBoundary(
        traced=axes[place].parameter,
        transitions=[
            PhaseTransition(
                order=[None if order is None else round(order) for order in with_nulls(transition.order)],
                critical=_in_units(transition.critical, unit),
                norm_before=with_nulls(transition.norm_before),
                norm_after=with_nulls(transition.norm_after),
            )
            for transition in found.transitions
        ],
        metastable_up_to=_in_units(found.metastable, unit),
        reasons=dict(found.reasons),
    )


def _in_units(values: AnyArray, unit: float) -> list[float | None]:
    return [None if value is None else value / unit for value in with_nulls(values)]


def _unit(axis: Axis, arguments: Mapping[str, Json]) -> float:
    """What values of an axis are multiplied by in the core's convention."""
    return float(arguments["decay_scale"]) if axis.parameter is SweepParameter.WEIGHT_DECAY else 1.0


def assemble(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> DiagramAnswer:
    """Put blocks and boundaries together, in the caller's convention; columns stay where the blocks are."""
    axes = unpacked(arguments, arrays)
    blocks, boundaries = inputs[: -len(axes)], inputs[-len(axes) :]
    heading = DiagramHeading.model_validate(arguments["heading"])
    answer = DiagramAnswer(
        solver=heading.solver,
        theorems=heading.theorems,
        axes=[
            AxisValues(
                parameter=axis.parameter,
                layer=None if axis.layer is None else axis.layer + 1,
                values=axis.values / _unit(axis, arguments),
            )
            for axis in axes
        ],
        shape=[axis.values.size for axis in axes],
        origin_classes=list(ORIGIN_CLASSES),
        results=PhaseResults(**{name: StoredColumn(name, blocks) for name in arguments["columns"]}),
        boundaries=[PhaseBoundary.model_validate(boundary) for boundary in boundaries],
        input_columns=heading.input_columns,
        convention=heading.convention,
        engine_version=heading.engine_version,
        problem_hash=heading.problem_hash,
    )
    return applicable(answer, "input_columns")
