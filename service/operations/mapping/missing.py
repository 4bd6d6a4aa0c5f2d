"""Targets that are missing, sent as null: weights of zero beside the weights of the others."""

from dataclasses import replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.errors import InputError, Location
from service.operations.mapping.arrays import column_or_matrix
from service.schemas import data as wire
from service.schemas.problem import ProblemDocument
from service.vocabulary import Loss, Task

AT: Location = ("data", "y")
ONLY = (
    "must be a number: a missing target (null) is known for one linear layer under a squared loss, in /v1/minima and "
    "/v1/diagnose; leave the sample out, or fill the target in"
)


def observed_of(data: wire.Data, *, known: bool) -> FloatArray | None:
    """Which targets (n, k) are there, as zeros and ones; None where all are.

    Parameters
    ----------
    data : Data
    known : bool
        Whether the analysis can do without some of them.

    Raises
    ------
    InputError
        At the first that is missing if none may be; at a sample without any target, or an output without any.
    """
    if not isinstance(data, wire.Samples) or not _has_nulls(data):
        return None
    y = column_or_matrix(data.y, AT)
    missing = np.isnan(y)
    row, column = (int(place) for place in np.argwhere(missing)[0])
    at: Location = (*AT, row, column) if isinstance(data.y[0], list) else (*AT, row)
    if not known:
        raise InputError.at(at, ONLY)
    if data.task is Task.CLASSIFICATION:
        raise InputError.at(at, "must be a label: targets may be missing only if they are numbers")
    if data.standardise:
        raise InputError.at(("data", "standardise"), "must be false: targets are missing, and deviations with them")
    if data.evaluation is not None:
        raise InputError.at(("data", "evaluation"), "must be left out: targets are missing in the data")
    if missing.all(axis=1).any():
        row = int(missing.all(axis=1).argmax())
        raise InputError.at((*AT, row), "must have a number: leave out the sample, which has no target")
    if missing.all(axis=0).any():
        column = int(missing.all(axis=0).argmax())
        raise InputError.at(AT, f"must have a number in column {column}: leave out the output, which has no target")
    return (~missing).astype(np.float64)


def filled(data: wire.Data) -> wire.Data:
    """Samples with the mean of an output in the place of each of its targets that are missing."""
    if not isinstance(data, wire.Samples) or not _has_nulls(data):
        return data
    y = column_or_matrix(data.y, AT)
    return data.model_copy(update={"y": np.where(np.isnan(y), np.nanmean(y, axis=0), y).tolist()})


def without_missing(problem: Problem, observed: FloatArray | None) -> Problem:
    """The problem in which targets that are missing (n, k) weigh nothing."""
    samples = problem.samples
    if observed is None or samples is None:
        return problem
    weights = observed if samples.weights is None else observed * samples.weights
    return replace(problem, loss=Loss.WEIGHTED_SQUARED, samples=replace(samples, weights=weights))


def may_be_missing(problem: ProblemDocument) -> bool:
    """Whether the loss of a problem adds squared errors, each of which may be left out."""
    return problem.objective.loss in (Loss.SQUARED, Loss.WEIGHTED_SQUARED)


def _has_nulls(data: wire.Samples) -> bool:
    return any(None in row if isinstance(row, list) else row is None for row in data.y)
