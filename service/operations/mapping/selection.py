"""Selection between the wire and the core: values, folds, and the problem at a value."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from service.core.ground.data.conditioned import Moments
from service.core.ground.data.fold_turns import FoldsInTurn
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.errors import InputError, LimitExceeded, Location, counted
from service.operations.mapping.factors import factor_of, recoded
from service.operations.mapping.labels import Coding
from service.operations.mapping.network import beyond_convention
from service.operations.mapping.problem import MappedProblem
from service.operations.mapping.reading import checked, factored, moments_sent
from service.schemas.data import EvaluationFactor, EvaluationMoments
from service.schemas.network import GaussianNoise
from service.schemas.problem import ProblemDocument
from service.schemas.selection import SelectionGrid, SelectionRequest
from service.settings import Limits
from service.vocabulary import SweepParameter

FOLDS: Final = 5
DECAYS: Final = (SweepParameter.DECAY_SCALE, SweepParameter.WEIGHT_DECAY)
_DECAYS: Final = SelectionGrid.model_validate({"from": 1e-4, "to": 10.0, "points": 101})
GRIDS: Final[Mapping[SweepParameter, SelectionGrid]] = {
    SweepParameter.DECAY_SCALE: _DECAYS,
    SweepParameter.WEIGHT_DECAY: _DECAYS,
    SweepParameter.NOISE_VARIANCE: SelectionGrid.model_validate({"from": 0.0, "to": 4.0, "points": 81}),
    SweepParameter.WIDTH: SelectionGrid.model_validate({"from": 1.0, "to": 64.0, "points": 64}),
}
"""What is chosen from where a request names no values."""


def varied_parameter(request: SelectionRequest, mapped: MappedProblem) -> SweepParameter:
    """What varies; `InputError` where nothing would change."""
    network = mapped.core.network
    decays = bool(network.weight_decays.any())
    parameter = SweepParameter(request.vary or ("decay_scale" if decays else "weight_decay"))
    if parameter is SweepParameter.DECAY_SCALE and not decays:
        raise InputError.at(("vary",), "must not be decay_scale: no layer decays; weight_decay gives all layers one")
    if parameter not in DECAYS and not network.n_hidden:
        raise InputError.at(("vary",), f"must be decay_scale or weight_decay: {parameter} belongs to hidden layers")
    return parameter


def values_of(request: SelectionRequest, parameter: SweepParameter, limits: Limits) -> FloatArray:
    """The values (m,) in the caller's convention, in the caller's order.

    Raises
    ------
    InputError, LimitExceeded
    """
    if request.values is not None and request.grid is not None:
        raise InputError.at(("grid",), "must be left out: `values` says what to choose from")
    at: Location = ("values",) if request.values is not None else ("grid", "points")
    grid = request.grid or GRIDS[parameter]
    count = grid.points if request.values is None else len(request.values)
    if count > limits.max_batch_values:
        raise LimitExceeded(at, "max_batch_values", limits.max_batch_values, "values")
    values = np.array(request.values) if request.values is not None else _of_grid(grid, parameter)
    if parameter is SweepParameter.WIDTH:
        wrong = np.flatnonzero((values != np.rint(values)) | (values < 1.0))
        place: Location = ("grid", "from")
        if wrong.size:
            raise InputError.at(
                place if request.values is None else ("values", int(wrong[0])), "must be a whole number, at least 1"
            )
        if values.max() > limits.max_width:
            raise LimitExceeded(
                ("grid", "to") if request.values is None else at, "max_width", limits.max_width, "neurons"
            )
    return values


def _of_grid(grid: SelectionGrid, parameter: SweepParameter) -> FloatArray:
    if grid.to < grid.from_:
        raise InputError.at(("grid", "to"), "must be at least `from`")
    logarithmic = grid.spacing == "log" or (grid.spacing is None and parameter in DECAYS and grid.from_ > 0.0)
    if logarithmic and grid.from_ == 0.0:
        raise InputError.at(("grid", "spacing"), "must be linear: the grid begins at 0")
    found: FloatArray = (np.geomspace if logarithmic else np.linspace)(grid.from_, grid.to, grid.points)
    return np.unique(np.rint(found)) if parameter is SweepParameter.WIDTH else found


def in_core(values: FloatArray, parameter: SweepParameter, factor: float, *, listed: bool) -> FloatArray:
    """The values (m,) in the core's convention."""
    if parameter is not SweepParameter.WEIGHT_DECAY:
        return values
    with np.errstate(over="ignore"):
        scaled = values * factor
    if not np.isfinite(scaled).all():
        raise InputError.at(("values",) if listed else ("grid", "to"), beyond_convention(factor))
    return scaled


def folds_of(request: SelectionRequest, n: int) -> IntArray:
    """The fold that leaves each sample out (n,), from 0; each fold has at least one sample and fewer than all.

    Raises
    ------
    InputError
        Where there are more folds than samples, or labels that do not fit.
    """
    folds = request.folds
    if isinstance(folds, list):
        if len(folds) != n:
            raise InputError.at(("folds",), f"must have {n} entries, the fold of each sample, or be a number of folds")
        labels, assigned = np.unique(np.array(folds), return_inverse=True)
        if len(labels) < 2:
            raise InputError.at(("folds",), "must name at least two folds: without the only one nothing is left")
        return assigned.astype(np.intp)
    if folds is not None and folds > n:
        raise InputError.at(("folds",), f"must be at most {n}, the number of samples")
    return FoldsInTurn(min(FOLDS, n) if folds is None else folds, request.seed).next(n)


def fold_moments(request: SelectionRequest, mapped: MappedProblem, limits: Limits) -> list[Moments]:
    """The data of each fold alone.

    Raises
    ------
    InputError
        Where they do not fit the data: other columns, numbers that do not add up, no means.
    """
    data, found = mapped.core.data, []
    for index, fold in enumerate(request.fold_data or []):
        at: Location = ("fold_data", index)
        moments = (
            _factor_fold(fold, mapped, at) if isinstance(fold, EvaluationFactor) else _moments_fold(fold, at, limits)
        )
        if (moments.inputs, moments.outputs) != (data.inputs, data.outputs):
            raise InputError.at(
                at, f"must have {counted(data.inputs, 'input')} and {counted(data.outputs, 'output')}, as the data have"
            )
        if mapped.core.network.bias_layers and (moments.x_mean is None or moments.y_mean is None):
            raise InputError.at((*at, "x_mean"), "is required, with y_mean, by the bias")
        found.append(moments)
    total = sum(each.n or 0 for each in found)
    if data.n is not None and total != data.n:
        raise InputError.at(("fold_data",), f"must hold {data.n} samples in all, as the data do, not {total}")
    return found


def _factor_fold(fold: EvaluationFactor, mapped: MappedProblem, at: Location) -> Moments:
    factor = factor_of(fold, at)
    if fold.classes is not None and mapped.data.classes is not None:
        coding = Coding(tuple(mapped.data.classes), mapped.core.network.outputs)
        factor = recoded(factor, fold.classes, coding, (*at, "classes"))
    return factored(factor, (*at, "x_mean"), (*at, "y_mean"))


def _moments_fold(fold: EvaluationMoments, at: Location, limits: Limits) -> Moments:
    if fold.n is None:
        raise InputError.at((*at, "n"), "is required: folds are weighted by their samples")
    return checked(moments_sent(fold, at, limits), at)


def with_value(problem: ProblemDocument, parameter: SweepParameter, value: float) -> ProblemDocument:
    """The problem of the caller with one value of what varies."""
    layers, last = [], len(problem.network.layers) - 1
    for index, layer in enumerate(problem.network.layers):
        changed: dict[str, object] = {}
        if parameter is SweepParameter.DECAY_SCALE:
            changed = {"weight_decay": layer.weight_decay * value}
        elif parameter is SweepParameter.WEIGHT_DECAY:
            changed = {"weight_decay": value}
        elif index < last and parameter is SweepParameter.NOISE_VARIANCE:
            changed = {"noise": GaussianNoise(kind="gaussian", variance=value)}
        elif index < last:
            changed = {"width": round(value)}
        layers.append(layer.model_copy(update=changed))
    return problem.model_copy(update={"network": problem.network.model_copy(update={"layers": layers})})


def notes_of(values: Sequence[float], mapped: MappedProblem) -> list[str]:
    """What to know of the numbers of an answer."""
    notes = []
    if mapped.data.preparation in ("centred and scaled", "standardised"):
        notes.append(
            f"data are held as {mapped.data.preparation} with all samples: means and scales were not found anew "
            "without those left out"
        )
    if max(Counter(values).values()) > 1:
        notes.append("some values are repeated: their entries are equal, and the first of equals is chosen")
    if any(later < earlier for earlier, later in pairwise(values)):
        notes.append("values were not ascending: entries stand in the order in which they were sent")
    return notes
