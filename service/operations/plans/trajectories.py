"""Trajectories on the plane of a slice: the path of a training, or points that the caller sends."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.pictures.objective import objective_of
from service.core.pictures.projection import projection
from service.errors import InputError
from service.operations.plans.columns import numbers
from service.operations.plans.picture_points import PointSource, posted
from service.operations.plans.pictures import Draft
from service.operations.plans.plan import Arrays, Json
from service.schemas.parts import MeasuredPoint, ProjectedPoints
from service.schemas.slices import ProjectedTrajectory, SlicesRequest
from service.settings import Limits
from service.vocabulary import AxesFrom, SliceKind

TRAINING: Final = "training"
POSTED: Final = "posted"
MOST_POINTS: Final = 1000
LARGEST_LOSS: Final = 1e300
"""Losses that overflow are cut to it."""


def check_trajectory(request: SlicesRequest) -> None:
    """Refuse a trajectory where there is no plane, and a plane of a trajectory without one."""
    if request.trajectory is not None and request.kind is not SliceKind.PLANE:
        raise InputError.at(("trajectory",), "belongs to a plane only")
    if request.axes_from is AxesFrom.TRAJECTORY:
        if request.trajectory is None:
            raise InputError.at(("axes_from",), "must be random where no trajectory is sent")
        if request.normalisation is not None:
            raise InputError.at(("normalisation",), "must be left out: the directions are as long as the trajectory")
    if isinstance(request.trajectory, list) and not 1 <= len(request.trajectory) <= MOST_POINTS:
        raise InputError.at(("trajectory",), f"must have from 1 to {MOST_POINTS} points")


def trajectory_of(request: SlicesRequest, centre: PointSource, plan: Draft, limits: Limits) -> str | None:
    """Which trajectory is asked for; posted points become an array of the plan.

    Raises
    ------
    InputError
        If posted points do not fit, or the centre is not trained.
    """
    asked = request.trajectory
    if asked is None:
        return None
    if isinstance(asked, str):
        if centre.point is not None:
            raise InputError.at(("trajectory",), "must be points: the centre is not trained here, so it has no path")
        return TRAINING
    sources = [posted(one, plan.mapped.core, ("trajectory", place), limits) for place, one in enumerate(asked)]
    plan.arrays["slice_trajectory"] = np.array([source.point for source in sources])
    return POSTED


def trajectory_points(arguments: Mapping[str, Json], arrays: Arrays, centre: MeasuredPoint) -> FloatArray:
    """The points (m, P)."""
    if arguments["trajectory"] == TRAINING:
        return numbers(centre.path)
    return np.asarray(arrays["slice_trajectory"], dtype=np.float64)


def projected(
    problem: Problem, centre: FloatArray, directions: tuple[FloatArray, FloatArray], points: FloatArray
) -> ProjectedPoints:
    """Where the points (m, P) are on the plane through the centre (P,) along the directions (P,), and their losses."""
    found, objective = projection(centre, np.array(directions), points), objective_of(problem)
    with np.errstate(all="ignore"):
        losses = np.nan_to_num([objective.slope(point)[0] for point in points], nan=LARGEST_LOSS, posinf=LARGEST_LOSS)
    return ProjectedPoints(
        alpha=found.coordinates[:, 0],
        beta=found.coordinates[:, 1],
        loss=np.minimum(losses, LARGEST_LOSS),
        distance=found.distances,
        explained=found.explained,
    )


def trajectory_answer(found: ProjectedPoints, scale: float) -> ProjectedTrajectory:
    """The same in the caller's convention."""
    return ProjectedTrajectory(
        alpha=found.alpha,
        beta=found.beta,
        loss=numbers(found.loss) * scale,
        distance=found.distance,
        explained=found.explained,
    )
