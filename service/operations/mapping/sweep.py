"""Sweeps between the wire and the core; columns stay arrays until they are sent."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.core.asked.many.independent import ManyMinima
from service.core.asked.sweeps.columns import Sweep
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.errors import InputError, LimitExceeded, NumericalError
from service.operations.mapping.network import beyond_convention
from service.operations.mapping.problem import MappedProblem
from service.schemas.batch import Vary
from service.settings import Limits
from service.vocabulary import SweepParameter

SCALED: Final = frozenset({"loss", "fit", "noise", "decay", "lower_bound"})
REFUSED: Final = "null where a problem is refused, see `refused` (not a number, or an empty text, in .npz)"
NO_EVALUATION: Final = "null where a problem has no data.evaluation (not a number in .npz)"
MAY_BE_MISSING: Final[Mapping[str, str]] = {
    "parameter_norm": "null where no weights attain the infimum (not a number in .npz)"
}


def varied(vary: Vary, limits: Limits, weight_decay_factor: float) -> tuple[SweepParameter, FloatArray]:
    """The one parameter that varies, and its values (m,) in the core's convention.

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
            raise InputError.at(("vary", parameter), beyond_convention(weight_decay_factor))
    return parameter, values


def columns(
    names: list[str], sweep: Sweep, mapped: MappedProblem
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """The columns (m,) that were asked for, in the caller's convention, and why entries are missing.

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


def problem_columns(
    names: Sequence[str], found: ManyMinima, mapped: Sequence[MappedProblem], places: Sequence[int], count: int
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """The columns (count,) of independent problems, each entry in its own convention, and why entries are missing.

    Parameters
    ----------
    names : sequence of str
    found : ManyMinima
        Of the problems that could be read.
    mapped : sequence of MappedProblem
    places : sequence of int
        Of these problems among all.
    count : int
        Of all problems.

    Raises
    ------
    NumericalError
        If a number is not finite for any other reason than being missing.
    """
    factors = np.array([each.scaling.loss for each in mapped])
    fit_factors = np.array([each.evaluation_scaling.loss if each.evaluation_scaling else 1.0 for each in mapped])
    expected = {
        "parameter_norm": (~found.attained, MAY_BE_MISSING["parameter_norm"]),
        "evaluation_fit": (np.array([each.evaluation_scaling is None for each in mapped]), NO_EVALUATION),
    }
    columns: dict[str, npt.NDArray[Any]] = {}
    reasons: dict[str, str] = {}
    for name in names:
        column = getattr(found, name)
        if name in SCALED:
            column = column * factors
        if name == "evaluation_fit":
            column = column * fit_factors
        columns[name] = _spread(column, found.solved, places, count)
        if column.dtype.kind == "f" and not np.isfinite(column[found.solved]).all():
            missing, reason = expected.get(name, (np.zeros(len(mapped), dtype=bool), ""))
            if not np.isfinite(column[found.solved & ~missing]).all():
                raise NumericalError(f"the column {name} leaves the range of double precision")
            reasons[name] = reason
        if np.count_nonzero(found.solved) < count:
            reasons[name] = f"{reasons[name]}; {REFUSED}" if name in reasons else REFUSED
    return columns, reasons


def _spread(column: npt.NDArray[Any], solved: BoolArray, places: Sequence[int], count: int) -> npt.NDArray[Any]:
    """A column with an entry for each problem; what is missing is not a number, or None among objects."""
    if len(places) == count and solved.all():
        return column
    numbers = column.dtype.kind == "f"
    whole = np.full(count, np.nan if numbers else None, dtype=np.float64 if numbers else object)
    whole[np.array(places, dtype=np.intp)[solved]] = column[solved] if numbers else column[solved].tolist()
    return whole
