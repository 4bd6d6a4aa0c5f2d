"""The data of a problem as what its caller sent: samples, a factor, or moments."""

from dataclasses import replace

import numpy as np

from service.core.ground.data.conditioned import Moments
from service.core.ground.enclosures.combined import Combined, Part
from service.core.ground.enclosures.composed import Composed
from service.core.ground.enclosures.rows import Rows, on_each_input
from service.core.ground.enclosures.second_moments import SecondMoments
from service.core.ground.enclosures.sources import Source
from service.core.ground.problems import Problem

LEAST = 1.0 - 1e-13
"""Share of a computed factor, or mean square of the inputs, that is there for certain."""


def prediction_source(problem: Problem, centre: bool) -> Source:
    """Squared error of the mean prediction; about the means where ``centre`` says that a free bias takes them off."""
    return problem.once(f"as_sent.prediction.{centre}", lambda: _prediction(problem, centre))


def _prediction(problem: Problem, centre: bool) -> Source:
    data, samples = problem.data, problem.samples
    if problem.sources is not None:
        return problem.sources(centre)
    if samples is not None and data.factor is not None:
        shift = None
        if centre and data.x_mean is not None and data.y_mean is not None:
            shift = np.concatenate((data.x_mean, data.y_mean))
        return Rows(samples.x, samples.y, float(len(samples.x)), shift=shift)
    if data.factor is not None:
        factor = data.factor
        d = factor.inputs
        x, y = factor.r[:, :d] * factor.scale[:d], factor.r[:, d:] * factor.scale[d:]
        if centre:
            return Rows(x, y, float(factor.n))
        return Rows(x, y, float(factor.n), factor.x_mean, factor.y_mean)
    if centre:
        return SecondMoments(data.xx, data.xy, data.yy, data.x_mean, data.y_mean)
    return SecondMoments(data.xx, data.xy, data.yy)


def without_targets(source: Source) -> Source:
    """Mean square of the prediction itself, ``W xx W'``."""
    if isinstance(source, Rows):
        shift = None
        if source.shift is not None:
            shift = np.concatenate((source.shift[: source.x.shape[1]], np.zeros(source.y.shape[1])))
        y_mean = None if source.y_mean is None else np.zeros_like(source.y_mean)
        targets = np.zeros_like(source.y)
        return replace(source, y=targets, y_mean=y_mean, shift=shift)
    if isinstance(source, SecondMoments):
        y_mean = None if source.y_mean is None else np.zeros_like(source.y_mean)
        return SecondMoments(source.xx, np.zeros_like(source.xy), 0.0, source.x_mean, y_mean)
    if isinstance(source, Composed):
        return replace(source, base=without_targets(source.base), beside=None, constant=0.0)
    if isinstance(source, Combined):
        return Combined([replace(part, source=without_targets(part.source)) for part in source.parts])
    raise TypeError(f"{type(source).__name__} has no targets of its own")


def expected_source(problem: Problem, centre: bool, hidden: float, of_covariance: bool) -> Source:
    """Squared error of the prediction with no more than noise adds to it, hidden layers merged into one factor.

    Parameters
    ----------
    problem : Problem
    centre : bool
        As in `prediction_source`.
    hidden : float
        ``C - 1``, what hidden noise multiplies the second moment of the prediction by.
    of_covariance : bool
        Whether that second moment is about the mean.
    """
    base = prediction_source(problem, centre)
    data, noise = problem.data, problem.network.input_noise_variance
    parts = [Part(base, 1.0)]
    if hidden > 0.0:
        parts.append(Part(without_targets(prediction_source(problem, of_covariance)), LEAST * hidden))
    if noise > 0.0:
        variances = (1.0 + hidden) * noise * data.xx.diagonal()
        parts.append(Part(on_each_input(variances, data.outputs), LEAST))
    return base if len(parts) == 1 else Combined(parts)


def reflections(data: Moments) -> float:
    """Roundings of moments that come from samples by a triangular factor, relative to the sizes of the columns.

    The backward error of a QR decomposition of n rows is ``c n d u`` relative to each column (Higham 2002, theorem
    19.4), here with c = 4; moments as they were sent have none.
    """
    return 0.0 if data.factor is None else 4.0 * data.factor.n * (data.inputs + data.outputs)
