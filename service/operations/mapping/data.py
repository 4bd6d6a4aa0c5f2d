"""Data of the wire to moments and samples of the core."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias

from service.core.ground.data.conditioned import moments_of_factor
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import factor_of_samples
from service.core.ground.problems import Moments, Samples
from service.errors import InputError, Location
from service.operations.mapping import examples
from service.operations.mapping.factors import coding_of_classes, factor_of, recoded
from service.operations.mapping.held_out import NO_STORE, HeldOut, Output, held_out_moments
from service.operations.mapping.labels import Coding, coding_of
from service.operations.mapping.reading import arrays_of, checked, factored, moments_sent, within_limit
from service.operations.mapping.units import Units, moments_within_range, standardising, within_range
from service.schemas import data as wire
from service.schemas.minima import PreparedColumn
from service.settings import Limits
from service.vocabulary import Task

Preparation: TypeAlias = Literal["as sent", "raw", "centred and scaled", "standardised", "within range"]
AT: Location = ("data",)


@dataclass(frozen=True, slots=True)
class Ranged:
    """That inputs of any size are taken, and whether weights decay, which says how small ones are measured."""

    decayed: bool


@dataclass(frozen=True)
class MappedData:
    """The data of a problem in the core's form.

    Attributes
    ----------
    inputs : int
    moments : Moments or None
    samples : Samples or None
    evaluation : Moments or None
    classes : tuple of int or None
        Label of each class in the order of the outputs, for classification.
    preparation : str
        What was done to the numbers: of a bundled example, by `standardise`, or to inputs beyond the range.
    units : Units or None
        The way back from prepared numbers to those that were sent.
    """

    inputs: int
    moments: Moments | None = None
    samples: Samples | None = None
    evaluation: Moments | None = None
    classes: tuple[int, ...] | None = None
    preparation: Preparation = "as sent"
    units: Units | None = None

    @property
    def ranged_columns(self) -> list[PreparedColumn] | None:
        """What was done to inputs beyond the range, for the wire; None where nothing was."""
        if self.units is None or self.preparation != "within range":
            return None
        return self.units.columns_reported()[0]


def to_core(
    data: wire.Data, output: Output, limits: Limits, *, numeric: bool = True, ranged: Ranged | None = None
) -> MappedData:
    """Arrays, moments and coded labels of ``data`` for a network that ends with ``output``.

    Parameters
    ----------
    data : Data
    output : Output
    limits : Limits
    numeric : bool
        Whether targets that are not labels are numbers, which `standardise` changes; some losses take them as labels.
    ranged : Ranged or None
        How inputs beyond the range of the computation are measured in other units; they are refused otherwise.

    Raises
    ------
    InputError
        With locations from the root of the problem.
    LimitExceeded
    """
    if isinstance(data, wire.Moments):
        return _from_moments(data, output, limits, ranged=ranged)
    if isinstance(data, wire.Factor):
        return _from_factor(data, output, limits, ranged=ranged)
    if isinstance(data, wire.NoData):
        within_limit(data.inputs, limits.max_inputs, "max_inputs", "inputs", (*AT, "inputs"))
        return MappedData(data.inputs)
    if isinstance(data, wire.Example):
        return _from_example(data, output, limits, numeric=numeric)
    if isinstance(data, wire.DatasetReference):
        raise InputError.at((*AT, "kind"), NO_STORE)
    x, y = arrays_of(data, AT, limits)
    return _from_samples(x, y, data, output, limits, numeric=numeric, ranged=ranged)


def _from_moments(data: wire.Moments, output: Output, limits: Limits, *, ranged: Ranged | None) -> MappedData:
    if data.task is Task.CLASSIFICATION:
        raise InputError.at((*AT, "task"), "must be regression: moments contain no labels")
    moments = moments_sent(data, AT, limits)
    units = moments_within_range(moments, decayed=ranged.decayed) if ranged else None
    moments = checked(moments if units is None else units.moments(moments), AT)
    _check_outputs(moments.outputs, output)
    evaluation = held_out_moments(data.evaluation, HeldOut(moments.inputs, output, units=units), limits)
    return MappedData(moments.inputs, moments, None, evaluation, preparation=_preparation_of(units), units=units)


def _from_factor(data: wire.Factor, output: Output, limits: Limits, *, ranged: Ranged | None) -> MappedData:
    within_limit(len(data.x_mean), limits.max_inputs, "max_inputs", "inputs", (*AT, "x_mean"))
    factor = factor_of(data, AT)
    coding: Coding | None = None
    if data.classes is not None:
        coding = coding_of_classes(data.classes, output.width, output.at)
        factor = recoded(factor, data.classes, coding, (*AT, "classes"))
    elif data.task is Task.CLASSIFICATION:
        raise InputError.at((*AT, "task"), "must be regression: the factor has no classes")
    _check_outputs(factor.outputs, output)
    units = within_range(factor, decayed=ranged.decayed) if ranged else None
    factor = factor if units is None else units.factor(factor, AT)
    moments = factored(factor, (*AT, "x_mean"), (*AT, "y_mean"))
    evaluation = held_out_moments(data.evaluation, HeldOut(factor.inputs, output, coding, units=units), limits)
    classes = None if coding is None or data.task is Task.REGRESSION else coding.classes
    return MappedData(factor.inputs, moments, None, evaluation, classes, _preparation_of(units), units)


def _from_example(data: wire.Example, output: Output, limits: Limits, *, numeric: bool) -> MappedData:
    row = examples.row_of(data.name, (*AT, "name"))
    raw = data.raw or data.standardise
    loaded = examples.load(row.name, raw=raw)
    preparation: Preparation = "raw" if raw else "centred and scaled"
    if (data.task or row.task) is Task.REGRESSION and not data.standardise:
        _check_outputs(loaded.y.shape[1], output)
        evaluation = held_out_moments(data.evaluation, HeldOut(row.inputs, output), limits)
        samples = Samples(loaded.x, loaded.y)
        moments = _example_moments(row.name, raw=raw)
        return MappedData(row.inputs, moments, samples, evaluation, None, preparation)
    data = data.model_copy(update={"task": data.task or row.task})
    mapped = _from_samples(loaded.x, loaded.y, data, output, limits, numeric=numeric)
    return mapped if data.standardise else replace(mapped, preparation=preparation)


@lru_cache(maxsize=2 * len(examples.EXAMPLES))
def _example_moments(name: str, *, raw: bool) -> Moments:
    loaded = examples.load(name, raw=raw)
    return moments_of_factor(factor_of_samples(loaded.x, loaded.y))


def _from_samples(
    x: FloatArray,
    y: FloatArray,
    data: wire.Samples | wire.Example,
    output: Output,
    limits: Limits,
    *,
    numeric: bool,
    ranged: Ranged | None = None,
) -> MappedData:
    coding: Coding | None = None
    if data.task is not Task.REGRESSION:
        coding = coding_of(y, output.width, (*AT, "y"), output.at)
        within_limit(len(y) * output.width, limits.max_data_numbers, "max_data_numbers", "numbers", (*AT, "y"))
        y = coding.encode(y, (*AT, "y"))
    _check_outputs(y.shape[1], output)
    factor, units = factor_of_samples(x, y), None
    if data.standardise:
        units = standardising(factor, AT, numeric=numeric and coding is None, constant=isinstance(data, wire.Example))
    elif ranged:
        units = within_range(factor, decayed=ranged.decayed)
    if units is not None:
        x, y = units.samples(x, y)
        # the mean of denormal numbers may be none in the units that were sent
        factor = factor_of_samples(x, y) if units.is_scale else units.factor(factor, AT)
    moments = factored(factor, (*AT, "x"), (*AT, "y"))
    held_out = held_out_moments(data.evaluation, HeldOut(x.shape[1], output, coding, coding is not None, units), limits)
    return MappedData(
        x.shape[1],
        moments,
        Samples(x, y),
        held_out,
        coding.classes if coding else None,
        "standardised" if data.standardise else _preparation_of(units),
        units,
    )


def _preparation_of(units: Units | None) -> Preparation:
    return "as sent" if units is None else "within range"


def _check_outputs(found: int, output: Output) -> None:
    if found != output.width:
        raise InputError.at(output.at, f"must be {found}: the data have as many outputs")
