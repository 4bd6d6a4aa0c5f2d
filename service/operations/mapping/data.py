"""Data of the wire to moments and samples of the core."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np

from service.core import moments as core_moments
from service.core.arrays import FloatArray
from service.core.problems import Moments, Samples
from service.errors import InputError, LimitExceeded, Location
from service.operations.mapping import examples
from service.operations.mapping.arrays import column_or_matrix, matrix
from service.operations.mapping.labels import Coding, coding_of
from service.operations.mapping.locations import located
from service.schemas import data as wire
from service.settings import Limits
from service.vocabulary import Task

Preparation: TypeAlias = Literal["as sent", "raw", "centred and scaled"]
AT: Location = ("data",)
NO_STORE = "must not be dataset here: only a server knows what was uploaded to it"
LARGEST = 1e140
"""Moments beyond this have squares that leave the range of double precision."""


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
        What was done to the numbers of a bundled example.
    """

    inputs: int
    moments: Moments | None = None
    samples: Samples | None = None
    evaluation: Moments | None = None
    classes: tuple[int, ...] | None = None
    preparation: Preparation = "as sent"


def to_core(data: wire.Data, output: Output, limits: Limits) -> MappedData:
    """Arrays, moments and coded labels of ``data`` for a network that ends with ``output``.

    Raises
    ------
    InputError
        With locations from the root of the problem.
    LimitExceeded
    """
    if isinstance(data, wire.Moments):
        return _from_moments(data, output, limits)
    if isinstance(data, wire.NoData):
        _within(data.inputs, limits.max_inputs, "max_inputs", "inputs", (*AT, "inputs"))
        return MappedData(data.inputs)
    if isinstance(data, wire.Example):
        return _from_example(data, output, limits)
    if isinstance(data, wire.DatasetReference):
        raise InputError.at((*AT, "kind"), NO_STORE)
    x, y = _arrays(data, AT, limits)
    return _from_samples(x, y, data, output, limits)


def _from_moments(data: wire.Moments, output: Output, limits: Limits) -> MappedData:
    if data.task is Task.CLASSIFICATION:
        raise InputError.at((*AT, "task"), "must be regression: moments carry no labels to code")
    moments = _moments(data, AT, limits)
    _check_outputs(moments.outputs, output)
    evaluation = _evaluation(data.evaluation, moments.inputs, output, None, limits)
    return MappedData(moments.inputs, moments, None, evaluation)


def _from_example(data: wire.Example, output: Output, limits: Limits) -> MappedData:
    row = examples.row_of(data.name, (*AT, "name"))
    loaded = examples.load(row.name, raw=data.raw)
    preparation: Preparation = "raw" if data.raw else "centred and scaled"
    if (data.task or row.task) is Task.REGRESSION:
        _check_outputs(loaded.y.shape[1], output)
        evaluation = _evaluation(data.evaluation, row.inputs, output, None, limits)
        samples = Samples(loaded.x, loaded.y)
        moments = _example_moments(row.name, raw=data.raw)
        return MappedData(row.inputs, moments, samples, evaluation, None, preparation)
    mapped = _from_samples(loaded.x, loaded.y, data, output, limits)
    return MappedData(mapped.inputs, mapped.moments, mapped.samples, mapped.evaluation, mapped.classes, preparation)


@lru_cache(maxsize=2 * len(examples.EXAMPLES))
def _example_moments(name: str, *, raw: bool) -> Moments:
    loaded = examples.load(name, raw=raw)
    return core_moments.moments_of(loaded.x, loaded.y)


def _from_samples(
    x: FloatArray, y: FloatArray, data: wire.Samples | wire.Example, output: Output, limits: Limits
) -> MappedData:
    coding: Coding | None = None
    if data.task is not Task.REGRESSION:
        coding = coding_of(y, output.width, (*AT, "y"), output.at)
        _within(len(y) * output.width, limits.max_data_numbers, "max_data_numbers", "numbers", (*AT, "y"))
        y = coding.encode(y, (*AT, "y"))
    _check_outputs(y.shape[1], output)
    moments = _finite_moments(x, y, AT)
    held_out = _evaluation(data.evaluation, x.shape[1], output, coding, limits)
    return MappedData(x.shape[1], moments, Samples(x, y), held_out, coding.classes if coding else None)


def _evaluation(
    evaluation: wire.Evaluation | None, inputs: int, output: Output, coding: Coding | None, limits: Limits
) -> Moments | None:
    if evaluation is None:
        return None
    at = (*AT, "evaluation")
    if isinstance(evaluation, wire.EvaluationDataset):
        raise InputError.at((*at, "kind"), NO_STORE)
    if isinstance(evaluation, wire.EvaluationMoments):
        if coding is not None:
            raise InputError.at((*at, "kind"), "must be samples: moments carry no labels to code")
        moments = _moments(evaluation, at, limits)
        inputs_at, outputs_at = (*at, "xx"), (*at, "xy")
    else:
        x, y = _arrays(evaluation, at, limits)
        moments = _finite_moments(x, coding.encode(y, (*at, "y")) if coding else y, at)
        inputs_at, outputs_at = (*at, "x"), (*at, "y")
    if moments.inputs != inputs:
        raise InputError.at(inputs_at, f"must have {inputs} inputs, as the data have")
    if moments.outputs != output.width:
        raise InputError.at(outputs_at, f"must have {output.width} outputs, as the network has")
    return moments


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
    for name, largest in (("xx", _size(moments.xx)), ("xy", _size(moments.xy)), ("yy", abs(moments.yy))):
        if largest > LARGEST:
            raise InputError.at((*at, name), f"must be at most {LARGEST:g}, so that its square can be computed")
    with located(at[:-1]):
        core_moments.check(moments, str(at[-1]))
    return moments


def _finite_moments(x: FloatArray, y: FloatArray, at: Location) -> Moments:
    with np.errstate(over="ignore", invalid="ignore"):
        moments = core_moments.moments_of(x, y)
    # by Cauchy-Schwarz the entries of xy are no larger than both
    for name, largest in (("x", _size(moments.xx)), ("y", moments.yy)):
        if not largest <= LARGEST:
            raise InputError.at(
                (*at, name), f"must have entries of at most {LARGEST**0.5:g}: fourth powers are computed"
            )
    return moments


def _size(values: FloatArray) -> float:
    """Largest modulus; infinite if any entry is not a number."""
    largest = float(np.max(np.abs(values)))
    return float("inf") if math.isnan(largest) else largest


def _check_outputs(found: int, output: Output) -> None:
    if found != output.width:
        raise InputError.at(output.at, f"must be {found}: the data have as many outputs")


def _within(value: int, allowed: int, limit: str, unit: str, at: Location) -> None:
    if value > allowed:
        raise LimitExceeded(at, limit, allowed, unit)
