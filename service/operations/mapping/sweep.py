"""Sweeps between the wire and the core; columns stay arrays until they are sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.core.arrays import FloatArray
from service.core.sweeps import Sweep
from service.errors import InputError, LimitExceeded, NumericalError
from service.operations.mapping.problem import MappedProblem
from service.schemas.batch import SweepHeader, Vary
from service.settings import Limits
from service.vocabulary import SweepParameter

SCALED: Final = frozenset({"loss", "fit", "noise", "decay"})
MAY_BE_MISSING: Final[Mapping[str, str]] = {
    "parameter_norm": "null where the infimum is not attained by any weights (not a number in .npz)"
}


@dataclass(frozen=True)
class SweepTable:
    """A sweep in the caller's convention.

    Attributes
    ----------
    header : SweepHeader
    columns : mapping of str to (m,) array
    """

    header: SweepHeader
    columns: Mapping[str, npt.NDArray[Any]]


def varied(vary: Vary, limits: Limits, weight_decay_factor: float) -> tuple[SweepParameter, FloatArray]:
    """The one parameter that varies, and its values in the core's convention.

    Raises
    ------
    InputError
        Unless exactly one parameter is given.
    LimitExceeded
    """
    names = list(Vary.model_fields)
    given = [SweepParameter(name) for name in names if getattr(vary, name) is not None]
    if len(given) != 1:
        raise InputError.at(("vary",), f"must have exactly one of {', '.join(names)}")
    parameter = given[0]
    listed = getattr(vary, parameter)
    if len(listed) > limits.max_batch_values:
        raise LimitExceeded(("vary", parameter), "max_batch_values", limits.max_batch_values, "values")
    if parameter is SweepParameter.WIDTH and max(listed) > limits.max_width:
        raise LimitExceeded(("vary", parameter), "max_width", limits.max_width, "neurons")
    values = np.array(listed, dtype=np.float64)
    if parameter is SweepParameter.WEIGHT_DECAY:
        with np.errstate(over="ignore"):
            values = values * weight_decay_factor
        if not np.isfinite(values).all():
            raise InputError.at(("vary", parameter), "leaves the range of double precision in this convention")
    return parameter, values


def columns(
    names: list[str], sweep: Sweep, mapped: MappedProblem
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """The columns that were asked for, in the caller's convention, and why entries are missing.

    Raises
    ------
    InputError
        If a column needs evaluation data that were not given.
    NumericalError
        If a number is not finite for any other reason than being missing.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    reasons: dict[str, str] = {}
    for name in names:
        column = getattr(sweep, name)
        if column is None:
            raise InputError.at(("return",), f"asks for {name}, which needs data.evaluation")
        if name in SCALED:
            column = column * mapped.scaling.loss
        if name == "evaluation_fit" and mapped.evaluation_scaling is not None:
            column = column * mapped.evaluation_scaling.loss
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            if name not in MAY_BE_MISSING or np.isinf(column).any() or np.isfinite(column[~sweep.attained]).any():
                raise NumericalError(f"the column {name} leaves the range of double precision")
            reasons[name] = MAY_BE_MISSING[name]
        found[name] = column
    return found, reasons
