"""What stands in data of any kind: arrays within the limits, moments, and the moments of a factor."""

from dataclasses import replace

import numpy as np

from service.core.extremes.targets import ORDINARY, moments_with_targets
from service.core.ground.data import moments as core_moments
from service.core.ground.data.conditioned import moments_of_factor
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor
from service.core.ground.problems import Moments
from service.errors import InputError, LimitExceeded, Location, counted
from service.operations.mapping.arrays import column_or_matrix, matrix
from service.operations.mapping.locations import located
from service.operations.mapping.sizes import check_inputs, check_targets, check_yy
from service.schemas import data as wire
from service.settings import Limits

MISSING = "must be a number, not null: held-out targets must all be there"


def arrays_of(data: wire.EvaluationSamples, at: Location, limits: Limits) -> tuple[FloatArray, FloatArray]:
    """Inputs (n, d) and targets (n, k) or labels (n, 1) that were sent."""
    within_limit(len(data.x), limits.max_samples, "max_samples", "samples", (*at, "x"))
    within_limit(len(data.x[0]), limits.max_inputs, "max_inputs", "inputs", (*at, "x"))
    within_limit(len(data.x) * len(data.x[0]), limits.max_data_numbers, "max_data_numbers", "numbers", (*at, "x"))
    x, y = matrix(data.x, (*at, "x")), column_or_matrix(data.y, (*at, "y"))
    if np.isnan(y).any():
        row, column = (int(place) for place in np.argwhere(np.isnan(y))[0])
        raise InputError.at((*at, "y", row, column) if isinstance(data.y[0], list) else (*at, "y", row), MISSING)
    if len(x) != len(y):
        raise InputError.at((*at, "y"), f"must have {counted(len(x), 'entry', 'entries')}, one for each row of x")
    return x, y


def moments_sent(data: wire.EvaluationMoments, at: Location, limits: Limits) -> Moments:
    """Moments as they were sent, with shapes that fit; whether any data have them is left to `checked`."""
    within_limit(len(data.xx), limits.max_inputs, "max_inputs", "inputs", (*at, "xx"))
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
    if moments.xy.shape[0] != moments.inputs:
        detail = f"must have one row for each input ({moments.inputs}) and at least one column"
        raise InputError.at((*at, "xy"), detail)
    if moments.x_mean is not None and len(moments.x_mean) != moments.inputs:
        raise InputError.at(
            (*at, "x_mean"), f"must have {counted(moments.inputs, 'entry', 'entries')}, one for each input"
        )
    return moments


def checked(moments: Moments, at: Location) -> Moments:
    """The moments, unless no data have them, whatever the size of the targets."""
    power = 0 if moments.yy == 0.0 else int(np.frexp(moments.yy)[1]) // 2
    power = power if abs(power) > ORDINARY else 0
    with located(at[:-1]):
        found = core_moments.check(moments_with_targets(moments, power) if power else moments, str(at[-1]))
    return replace(moments, xx=found.xx) if power else found


def factored(factor: Factor, inputs_at: Location, targets_at: Location) -> Moments:
    """Moments of a factor whose numbers can be computed with."""
    check_inputs(factor, inputs_at)
    check_targets(factor, targets_at)
    return moments_of_factor(factor)


def within_limit(value: int, allowed: int, limit: str, unit: str, at: Location) -> None:
    """`LimitExceeded` at ``at`` if a size is beyond its limit."""
    if value > allowed:
        raise LimitExceeded(at, limit, allowed, unit)
