"""Sweeps of what has no table: each value is solved on its own."""

from collections.abc import Sequence

import numpy as np

from service.core.asked.sweeps.axes import Axis, varied
from service.core.asked.sweeps.columns import ORIGIN_CLASSES, Sweep
from service.core.dispatch import Extras, solve
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, StationaryPoint
from service.vocabulary import PointClass, PointKind

MINIMUM = Extras(thresholds=False)


def one_by_one(problem: Problem, axes: Sequence[Axis]) -> Sweep:
    """Global minima along axes of one length; `NotCovered` where no solver applies."""
    solutions = [solve(varied(problem, axes, index), MINIMUM).solution for index in range(axes[0].values.size)]
    minima = [solution.minimum for solution in solutions]
    fits = [minimum.evaluation_fit for minimum in minima]
    evaluated = None if problem.evaluation is None else np.array([np.nan if fit is None else fit for fit in fits])
    return Sweep(
        loss=np.array([minimum.loss for minimum in minima]),
        fit=np.array([minimum.terms.fit for minimum in minima]),
        noise=np.array([minimum.terms.noise for minimum in minima]),
        decay=np.array([minimum.terms.decay for minimum in minima]),
        norm=np.array([float(np.linalg.norm(minimum.singular_values)) for minimum in minima]),
        parameter_norm=np.array([parameter_norm_of(minimum) for minimum in minima]),
        trivial=np.array([minimum.trivial for minimum in minima]),
        attained=np.array([minimum.attained for minimum in minima]),
        rank=np.array([minimum.rank for minimum in minima]),
        minima=np.array([_count_minima(solution.stationary_points) for solution in solutions]),
        origin=np.array([ORIGIN_CLASSES.index(solution.origin.point_class) for solution in solutions]),
        prediction_variance=np.array([minimum.prediction_variance for minimum in minima]),
        evaluation_fit=evaluated,
    )


def parameter_norm_of(minimum: GlobalMinimum) -> float:
    """Norm of all weights; NaN where the infimum is not attained."""
    if minimum.parameters is None:
        return float("nan")
    return float(np.sqrt(sum(float(np.sum(weight.values**2)) for weight in minimum.parameters.weights)))


def _count_minima(points: Sequence[StationaryPoint]) -> int:
    kinds = (PointClass.GLOBAL_MINIMUM, PointClass.LOCAL_MINIMUM)
    return sum(point.point_class in kinds and point.kind is not PointKind.SUBNETWORK for point in points)
