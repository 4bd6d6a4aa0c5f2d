"""Data of the wire to moments and samples of the core."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np

from service.core import moments as core_moments
from service.core.arrays import FloatArray
from service.core.data import moments_of_factor
from service.core.factor import Factor, factor_of_samples
from service.core.problems import Moments, Samples
from service.errors import InputError, LimitExceeded, Location
from service.operations.mapping import examples
from service.operations.mapping.arrays import column_or_matrix, matrix
from service.operations.mapping.factors import coding_of_classes, factor_of, recoded
from service.operations.mapping.labels import Coding, coding_of
from service.operations.mapping.locations import located
from service.operations.mapping.sizes import check_targets, check_yy
from service.operations.mapping.units import Units, standardising
from service.schemas import data as wire
from service.settings import Limits
from service.vocabulary import Task

Preparation: TypeAlias = Literal["as sent", "raw", "centred and scaled", "standardised"]
AT: Location = ("data",)
NO_STORE = "must not be dataset here: only a server knows what was uploaded to it"


@dataclass(frozen=True, slots=True)
class Output:
    """The output layer of the network that the data must fit, and where its width stands."""

    width: int
    at: Location


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
        What was done to the numbers of a bundled example, or by `standardise`.
    units : Units or None
        The way back from standardised numbers to those that were sent.
    """

    inputs: int
    moments: Moments | None = None
    samples: Samples | None = None
    evaluation: Moments | None = None
    classes: tuple[int, ...] | None = None
    preparation: Preparation = "as sent"
    units: Units | None = None


@dataclass(frozen=True)
class _Targets:
    """What held-out data must fit.

    Attributes
    ----------
    inputs : int
    output : Output
    coding : Coding or None
        Of labels.
    labels_only : bool
        Whether targets that are no labels are refused, the data having brought labels themselves.
    units : Units or None
        By which the data were standardised.
    """

    inputs: int
    output: Output
    coding: Coding | None = None
    labels_only: bool = False
    units: Units | None = None


def to_core(data: wire.Data, output: Output, limits: Limits, *, numeric: bool = True) -> MappedData:
    """Arrays, moments and coded labels of ``data`` for a network that ends with ``output``.

    Parameters
    ----------
    data : Data
    output : Output
    limits : Limits
    numeric : bool
        Whether targets that are no labels are numbers, which `standardise` changes; some losses take them as labels.

    Raises
    ------
    InputError
        With locations from the root of the problem.
    LimitExceeded
    """
    if isinstance(data, wire.Moments):
        return _from_moments(data, output, limits)
    if isinstance(data, wire.Factor):
        return _from_factor(data, output, limits)
    if isinstance(data, wire.NoData):
        _within(data.inputs, limits.max_inputs, "max_inputs", "inputs", (*AT, "inputs"))
        return MappedData(data.inputs)
    if isinstance(data, wire.Example):
        return _from_example(data, output, limits, numeric=numeric)
    if isinstance(data, wire.DatasetReference):
        raise InputError.at((*AT, "kind"), NO_STORE)
    x, y = _arrays(data, AT, limits)
    return _from_samples(x, y, data, output, limits, numeric=numeric)


def _from_moments(data: wire.Moments, output: Output, limits: Limits) -> MappedData:
    if data.task is Task.CLASSIFICATION:
        raise InputError.at((*AT, "task"), "must be regression: moments carry no labels to code")
    moments = _moments(data, AT, limits)
    _check_outputs(moments.outputs, output)
    evaluation = _evaluation(data.evaluation, _Targets(moments.inputs, output), limits)
    return MappedData(moments.inputs, moments, None, evaluation)


def _from_factor(data: wire.Factor, output: Output, limits: Limits) -> MappedData:
    _within(len(data.x_mean), limits.max_inputs, "max_inputs", "inputs", (*AT, "x_mean"))
    factor = factor_of(data, AT)
    coding: Coding | None = None
    if data.classes is not None:
        coding = coding_of_classes(data.classes, output.width, output.at)
        factor = recoded(factor, data.classes, coding, (*AT, "classes"))
    elif data.task is Task.CLASSIFICATION:
        raise InputError.at((*AT, "task"), "must be regression: the factor names no classes")
    _check_outputs(factor.outputs, output)
    moments = _factored(factor, (*AT, "y_mean"))
    evaluation = _evaluation(data.evaluation, _Targets(factor.inputs, output, coding), limits)
    told = coding is not None and data.task is not Task.REGRESSION
    return MappedData(factor.inputs, moments, None, evaluation, coding.classes if coding and told else None)


def _from_example(data: wire.Example, output: Output, limits: Limits, *, numeric: bool) -> MappedData:
    row = examples.row_of(data.name, (*AT, "name"))
    raw = data.raw or data.standardise
    loaded = examples.load(row.name, raw=raw)
    preparation: Preparation = "raw" if raw else "centred and scaled"
    if (data.task or row.task) is Task.REGRESSION and not data.standardise:
        _check_outputs(loaded.y.shape[1], output)
        evaluation = _evaluation(data.evaluation, _Targets(row.inputs, output), limits)
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
    x: FloatArray, y: FloatArray, data: wire.Samples | wire.Example, output: Output, limits: Limits, *, numeric: bool
) -> MappedData:
    coding: Coding | None = None
    if data.task is not Task.REGRESSION:
        coding = coding_of(y, output.width, (*AT, "y"), output.at)
        _within(len(y) * output.width, limits.max_data_numbers, "max_data_numbers", "numbers", (*AT, "y"))
        y = coding.encode(y, (*AT, "y"))
    _check_outputs(y.shape[1], output)
    factor, units = factor_of_samples(x, y), None
    if data.standardise:
        units = standardising(factor, AT, numeric=numeric and coding is None, constant=isinstance(data, wire.Example))
        factor, x, y = units.factor(factor, AT), *units.samples(x, y)
    moments = _factored(factor, (*AT, "y"))
    held_out = _evaluation(data.evaluation, _Targets(x.shape[1], output, coding, coding is not None, units), limits)
    return MappedData(
        x.shape[1],
        moments,
        Samples(x, y),
        held_out,
        coding.classes if coding else None,
        "standardised" if units else "as sent",
        units,
    )


def _factored(factor: Factor, targets_at: Location) -> Moments:
    check_targets(factor, targets_at)
    moments = moments_of_factor(factor)
    if not float(np.abs(moments.xx).max()) <= 1e140:
        inputs_at = (*targets_at[:-1], str(targets_at[-1]).replace("y", "x"))
        raise InputError.at(inputs_at, "must have entries of at most 1e+70: fourth powers are computed")
    return moments


def _evaluation(evaluation: wire.Evaluation | None, wanted: _Targets, limits: Limits) -> Moments | None:
    if evaluation is None:
        return None
    at, coding, units = (*AT, "evaluation"), wanted.coding, wanted.units
    if isinstance(evaluation, wire.EvaluationDataset):
        raise InputError.at((*at, "kind"), NO_STORE)
    if isinstance(evaluation, wire.EvaluationMoments):
        if wanted.labels_only:
            raise InputError.at((*at, "kind"), "must be samples: moments carry no labels to code")
        if units is not None:
            raise InputError.at((*at, "kind"), "must be samples or a factor: each target is standardised on its own")
        moments = _moments(evaluation, at, limits)
        _check_fits((moments.inputs, moments.outputs), wanted, (*at, "xx"), (*at, "xy"))
        return moments
    if isinstance(evaluation, wire.EvaluationFactor):
        _within(len(evaluation.x_mean), limits.max_inputs, "max_inputs", "inputs", (*at, "x_mean"))
        factor = factor_of(evaluation, at)
        if coding is not None and evaluation.classes is not None:
            factor = recoded(factor, evaluation.classes, coding, (*at, "classes"))
        elif wanted.labels_only:
            raise InputError.at((*at, "classes"), "is required: the data are labelled")
        places = (*at, "x_mean"), (*at, "y_mean")
    else:
        x, y = _arrays(evaluation, at, limits)
        factor = factor_of_samples(x, _coded(y, wanted, (*at, "y")))
        places = (*at, "x"), (*at, "y")
    _check_fits((factor.inputs, factor.outputs), wanted, *places)
    return _factored(factor if units is None else units.factor(factor, at), places[1])


def _coded(y: FloatArray, wanted: _Targets, at: Location) -> FloatArray:
    """Held-out targets; beside one-hot targets that were uploaded they may be labels, or coded already."""
    coding = wanted.coding
    if coding is None or (not wanted.labels_only and coding.is_coded(y)):
        return y
    return coding.encode(y, at)


def _check_fits(found: tuple[int, int], wanted: _Targets, inputs_at: Location, outputs_at: Location) -> None:
    if found[0] != wanted.inputs:
        raise InputError.at(inputs_at, f"must have {wanted.inputs} inputs, as the data have")
    if found[1] != wanted.output.width:
        raise InputError.at(outputs_at, f"must have {wanted.output.width} outputs, as the network has")


def _arrays(data: wire.EvaluationSamples, at: Location, limits: Limits) -> tuple[FloatArray, FloatArray]:
    _within(len(data.x), limits.max_samples, "max_samples", "samples", (*at, "x"))
    _within(len(data.x[0]), limits.max_inputs, "max_inputs", "inputs", (*at, "x"))
    _within(len(data.x) * len(data.x[0]), limits.max_data_numbers, "max_data_numbers", "numbers", (*at, "x"))
    x, y = matrix(data.x, (*at, "x")), column_or_matrix(data.y, (*at, "y"))
    if len(x) != len(y):
        raise InputError.at((*at, "y"), f"must have {len(x)} entries, one for each row of x")
    return x, y


def _moments(data: wire.EvaluationMoments, at: Location, limits: Limits) -> Moments:
    _within(len(data.xx), limits.max_inputs, "max_inputs", "inputs", (*at, "xx"))
    moments = Moments(
        xx=matrix(data.xx, (*at, "xx")),
        xy=matrix(data.xy, (*at, "xy")),
        yy=data.yy,
        n=data.n,
        x_mean=None if data.x_mean is None else np.array(data.x_mean),
        y_mean=None if data.y_mean is None else np.array(data.y_mean),
    )
    if moments.xx.shape[0] != moments.xx.shape[1]:
        raise InputError.at((*at, "xx"), "must be a square matrix: one row and one column for each input")
    check_yy(moments.yy, (*at, "yy"))
    with located(at[:-1]):
        return core_moments.check(moments, str(at[-1]))


def _check_outputs(found: int, output: Output) -> None:
    if found != output.width:
        raise InputError.at(output.at, f"must be {found}: the data have as many outputs")


def _within(value: int, allowed: int, limit: str, unit: str, at: Location) -> None:
    if value > allowed:
        raise LimitExceeded(at, limit, allowed, unit)
