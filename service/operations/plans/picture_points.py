"""Points of a landscape that pictures are drawn around: by name, by weights, or trained; and their description."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from service.core.catalogue import on_one_curve
from service.core.dispatch import solve
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.core.losses.dense import DenseParameters, flatten
from service.core.one_output.reduced import reduced_of
from service.core.one_output.sphere import multiplier
from service.core.one_output.weights import balanced_parameters
from service.core.pictures.descent import random_start
from service.core.pictures.objective import objective_of, shape_of
from service.core.pictures.training import rest_of, train
from service.core.points.given_weights import check_parameters
from service.errors import InputError, Location, NotCovered, NumericalError
from service.operations.mapping import diagnose as diagnose_mapping
from service.operations.mapping.locations import located
from service.operations.mapping.problem import MappedProblem
from service.operations.plans.packing import unpack
from service.operations.plans.plan import Arrays, Json
from service.schemas.base import Number, Wire, applicable
from service.schemas.model_files import ReadModel
from service.schemas.parts import MeasuredPoint
from service.schemas.points import CentredOptions, PointCard, PostedPoint, SolvedMinimum
from service.settings import Limits
from service.vocabulary import Convention, NamedPoint, PointKind


class PictureHeading(Wire):
    """What all answers about pictures share, and how points are shown in them."""

    loss_scale: Number = Field(description="Factor from losses of the core to those of the caller's convention.")
    with_points: bool = Field(description="Whether the answer has the weights of its points.")
    seed: int = Field(description="Seed of every random number.")
    convention: Convention = Field(strict=False, description="The convention of the losses: that of the request.")
    engine_version: str = Field(description="Version of the engine that computes the answer.")
    problem_hash: str = Field(description="Hash of the problem with its defaults filled in.")
    model: ReadModel | None = Field(
        default=None, description="What was read from a file of a model; null where no file was sent."
    )


@dataclass(frozen=True, slots=True)
class PointSource:
    """A point before it is known: its own array, or the random start from which it is trained."""

    name: str
    point: FloatArray | None = None
    run: int = 0


def known_minimum(problem: Problem) -> Minima | None:
    """What a solver says, if one covers the problem; computed once a problem."""
    return problem.once("pictures.minimum", lambda: _solved(problem))


def _solved(problem: Problem) -> Minima | None:
    try:
        return solve(problem)
    except (NotCovered, NumericalError):
        return None


def centre_of(request: CentredOptions, mapped: MappedProblem, limits: Limits) -> PointSource:
    """The point that a request is about.

    Raises
    ------
    InputError
        If posted weights do not fit, or the point is not known.
    """
    problem = mapped.core
    if request.weights is not None:
        if request.at is not None:
            raise InputError.at(("at",), "must be left out where weights are sent")
        return posted(PostedPoint(weights=request.weights, biases=request.biases), problem, (), limits)
    if request.biases is not None:
        raise InputError.at(("biases",), "must be left out where no weights are sent")
    if request.at is not None:
        return source_of(request.at, problem, ("at",), limits, 0)
    minima = known_minimum(problem)
    known = minima is not None and minima.solution.minimum.parameters is not None
    return source_of(NamedPoint.GLOBAL_MINIMUM if known else NamedPoint.TRAINED, problem, ("at",), limits, 0)


def source_of(
    point: NamedPoint | int | PostedPoint, problem: Problem, at: Location, limits: Limits, run: int
) -> PointSource:
    """A point by name, place or weights; ``run`` numbers the random start of a trained one."""
    if isinstance(point, PostedPoint):
        return posted(point, problem, at, limits)
    if isinstance(point, NamedPoint):
        if point is NamedPoint.TRAINED:
            return PointSource(point, None, run)
        if point is NamedPoint.ORIGIN:
            return PointSource(point, flatten(shape_of(problem)))
        minima = known_minimum(problem)
        parameters = None if minima is None else minima.solution.minimum.parameters
        if parameters is None:
            raise InputError.at(at, "is not known: no solver has weights of the global minimum of this problem")
        return PointSource(point, _flat(parameters))
    return PointSource("stationary_point", _stationary(point, problem, at))


def posted(point: PostedPoint, problem: Problem, at: Location, limits: Limits) -> PointSource:
    """A point whose weights the caller sends; raises `InputError` if they do not fit."""
    with located(at):
        parameters = diagnose_mapping.point_to_core(point.weights, point.biases, limits)
        check_parameters(problem, parameters)
    return PointSource("posted", flatten(parameters))


def _flat(parameters: Parameters) -> FloatArray:
    biases = tuple(None if bias is None else bias.dense()[:, 0] for bias in parameters.biases)
    flat: FloatArray = flatten(DenseParameters(tuple(weight.dense() for weight in parameters.weights), biases))
    return flat


def _stationary(place: int, problem: Problem, at: Location) -> FloatArray:
    """Weights of a stationary point of the solver for one output, from the norm of its map."""
    minima = known_minimum(problem)
    if minima is None or not on_one_curve(minima.solution) or not problem.network.weight_decays.all():
        raise InputError.at(at, "must be a name: stationary points have weights for one output with decay everywhere")
    points = minima.solution.stationary_points
    if place >= len(points):
        raise InputError.at(at, f"must be less than {len(points)}, the number of stationary points")
    chosen = points[place]
    if chosen.kind is PointKind.ORIGIN:
        return _flat(balanced_parameters(problem.network, problem.data, np.zeros(problem.data.inputs)))
    if chosen.kind is not PointKind.BRANCH:
        raise InputError.at(at, "must be the index of a branch or of the origin")
    reduced = reduced_of(problem)
    ridge = float(multiplier(reduced, np.array([chosen.norm * np.exp(reduced.log_factor)]))[0])
    return _flat(balanced_parameters(problem.network, problem.data, reduced.map_at(ridge)))


def compute_point(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> MeasuredPoint:
    """Loss and gradient at a point, which is trained first if it is not given."""
    problem = unpack(arguments["problem"], arrays)
    iterations, converged, path = None, None, np.zeros((0, 0))
    if "array" in arguments:
        point = np.asarray(arrays[arguments["array"]], dtype=np.float64)
    else:
        start = random_start(problem, int(arguments["seed"]), int(arguments["run"]))
        trained = train(problem, start, int(arguments["steps"]), with_path=bool(arguments.get("path", False)))
        point, iterations, converged = trained.point, trained.iterations, trained.converged
        path = trained.path
    objective = objective_of(problem)
    loss, gradient = objective.slope(point)
    margin, held = objective.margin(point), rest_of(problem, point, gradient)
    return MeasuredPoint(
        source=str(arguments["source"]),
        point=point,
        loss=loss,
        gradient_norm=float(np.linalg.norm(gradient)),
        parameter_norm=float(np.linalg.norm(point)),
        distance_from_kinks=margin if np.isfinite(margin) else None,
        stationarity=held.stationarity,
        kinks=held.kinks,
        converged=converged,
        iterations=iterations,
        path=path,
    )


def card(measured: MeasuredPoint, heading: PictureHeading) -> PointCard:
    """A measured point as callers see it."""
    reasons = {}
    if measured.distance_from_kinks is None:
        reasons["distance_from_kinks"] = "no activation has a kink"
    if measured.iterations is None:
        reasons |= dict.fromkeys(("iterations", "converged"), "the point was not trained")
    found = PointCard(
        source=measured.source,
        loss=measured.loss * heading.loss_scale,
        gradient_norm=measured.gradient_norm * heading.loss_scale,
        parameter_norm=measured.parameter_norm,
        distance_from_kinks=measured.distance_from_kinks,
        stationarity=measured.stationarity * heading.loss_scale,
        kinks=measured.kinks,
        converged=measured.converged,
        iterations=measured.iterations,
        point=measured.point if heading.with_points else None,
        reasons=reasons,
    )
    return applicable(found, "point")


def minimum_card(problem: Problem, scale: float) -> SolvedMinimum | None:
    """The global minimum as callers see it; None if no solver covers the problem."""
    minima = known_minimum(problem)
    if minima is None:
        return None
    return SolvedMinimum(
        loss=minima.solution.minimum.loss * scale,
        lower_bound=minima.certificate.lower_bound * scale,
        status=minima.status,
        solver=minima.solution.solver,
    )
