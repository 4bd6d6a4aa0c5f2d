"""What the plans of slices, spectra and paths share: checks, points of the landscape, estimates of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from service.core.arrays import FloatArray
from service.core.dispatch import solve
from service.core.landscapes.diagnosis import check_parameters
from service.core.landscapes.empirical.descent import descend, random_start
from service.core.landscapes.empirical.objective import objective_of, shape_of, uses_moments
from service.core.losses import DenseParameters, flatten
from service.core.problems import Problem, shapes_of
from service.core.results import Minima, Parameters
from service.core.scalar.reduced import reduced_of
from service.core.scalar.sphere import multiplier
from service.core.scalar.weights import balanced_parameters
from service.errors import FieldProblem, InputError, LimitExceeded, Location, NotCovered, NumericalError
from service.operations.mapping import diagnose as diagnose_mapping
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.mapping.problem import MappedProblem
from service.operations.plans.chunks import Arrays, ChunkFunction, Json, NamedChunk
from service.operations.plans.packing import pack, unpack
from service.schemas.points import CentredOptions, PictureOptions, PostedPoint
from service.schemas.problem import Problem as WireProblem
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Loss, NamedPoint, PointKind

CHUNK_S: Final = 0.5
# measured on one core: one layer of one evaluation, one product of a sample with a weight, one activation
LAYER_S: Final = 2e-5
PER_PRODUCT_S: Final = 5e-11
PER_ACTIVATION_S: Final = 2e-9
SLOPE: Final = 3.0
KNOWN: Final = "linear layers under squared loss"
"""What a gradient costs in evaluations; a product with the Hessian costs a little more."""


@dataclass(frozen=True, slots=True)
class Source:
    """A point before it is known: its own array, or the random start from which it is trained."""

    name: str
    point: FloatArray | None = None
    run: int = 0


@dataclass
class Draft:
    """A plan as it grows.

    Attributes
    ----------
    wire : Problem of the schemas
    mapped : MappedProblem
    request : PictureOptions
    packed : mapping
        The problem as chunks receive it.
    chunks : list of NamedChunk
    arrays : dict
        Shared by all chunks; the problem's own from the start.
    cost_s : float
    steps : int
        Gradients and products with the Hessian so far.
    """

    wire: WireProblem
    mapped: MappedProblem
    request: PictureOptions
    packed: Mapping[str, Json]
    arrays: dict[str, Any]
    chunks: list[NamedChunk] = field(default_factory=list)
    cost_s: float = 0.0
    steps: int = 0

    def add(self, function: str, arguments: Mapping[str, Json], inputs: Sequence[int] = (), cost_s: float = 0.0) -> int:
        """Append a chunk that sees the problem; its number."""
        self.chunks.append(NamedChunk(function, {"problem": self.packed, **arguments}, tuple(inputs)))
        self.cost_s += cost_s
        return len(self.chunks) - 1

    def add_point(self, source: Source) -> int:
        """Append the chunk that measures a point, and trains it where it must; its number."""
        name = f"point_{len(self.chunks)}"
        arguments: dict[str, Json] = {"source": source.name}
        evaluations = 1
        if source.point is None:
            evaluations = self.request.training_steps + 1
            arguments |= {"seed": self.request.seed, "run": source.run, "steps": self.request.training_steps}
        else:
            self.arrays[name] = source.point
            arguments["array"] = name
        self.steps += evaluations
        return self.add("point", arguments, (), SLOPE * evaluations * evaluation_s(self.mapped.core))

    def check(self, limits: Limits, at: Location) -> None:
        """Refuse what takes more gradients and products than the server allows."""
        if self.steps > limits.max_picture_steps:
            raise LimitExceeded(at, "max_picture_steps", limits.max_picture_steps, "gradients and Hessian products")

    def arguments(self, **own: Json) -> dict[str, Json]:
        """What every reducer receives."""
        return {
            "loss_scale": self.mapped.scaling.loss,
            "with_points": "points" in self.request.include,
            "header": {
                "seed": self.request.seed,
                "convention": self.wire.objective.convention,
                "engine_version": ENGINE_VERSION,
                "problem_hash": problem_hash(self.wire),
            },
            **own,
        }


def draft(request: PictureOptions, problem: WireProblem, limits: Limits) -> Draft:
    """The beginning of a plan: the problem in the core's form, checked.

    Raises
    ------
    InputError, LimitExceeded
        With locations from the root of the request.
    """
    with located(("problem",)):
        mapped = problem_mapping.to_core(problem, limits)
        check_drawable(mapped.core, limits)
    packed, arrays = pack(mapped.core)
    return Draft(problem, mapped, request, packed, arrays)


def check_drawable(problem: Problem, limits: Limits) -> None:
    """Refuse what no picture is drawn of; locations from the root of the problem.

    Raises
    ------
    InputError
        Without data, with skips or frozen layers; and where samples are needed, without them or with noise.
    LimitExceeded
        By ``max_picture_weights`` and ``max_picture_work``.
    """
    network = problem.network
    if problem.moments is None:
        raise InputError.at(("data", "kind"), "must not be none: a loss needs data")
    found = []
    if network.skips:
        found.append(FieldProblem(("network", "skips"), "must be empty: pictures know no skips"))
    for index, layer in enumerate(network.layers):
        if layer.frozen_weights is not None:
            at = ("network", "layers", index, "frozen_weights")
            found.append(FieldProblem(at, "must be left out: pictures know no frozen layers"))
    if problem.loss is Loss.WEIGHTED_SQUARED:
        found.append(FieldProblem(("objective", "loss"), "must not be weighted_squared: pictures know no such weights"))
    if not uses_moments(problem):
        found += _needs_of_samples(problem)
    if found:
        raise InputError(found)
    check_size(problem, limits, ("network", "layers"))


def check_size(problem: Problem, limits: Limits, at: Location) -> None:
    """Refuse at ``at`` what is too large to be drawn."""
    weights = weights_of(problem)
    if weights > limits.max_picture_weights:
        raise LimitExceeded(at, "max_picture_weights", limits.max_picture_weights, "weights")
    if not uses_moments(problem) and weights * _samples(problem) > limits.max_picture_work:
        raise LimitExceeded(at, "max_picture_work", limits.max_picture_work, "samples x weights")


def _needs_of_samples(problem: Problem) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    if problem.samples is None:
        found.append(FieldProblem(("data", "kind"), f"must have samples: only {KNOWN} are known through moments"))
    for index, layer in enumerate(problem.network.layers[:-1]):
        if layer.noise_variance:
            at = ("network", "layers", index, "noise")
            found.append(FieldProblem(at, f"must be left out: the exact loss under noise is known for {KNOWN}"))
    if problem.network.input_noise_variance:
        detail = f"must be left out: the exact loss under noise is known for {KNOWN}"
        found.append(FieldProblem(("network", "input_noise"), detail))
    return found


def _samples(problem: Problem) -> int:
    return 1 if problem.samples is None else len(problem.samples.x)


def weights_of(problem: Problem) -> int:
    """Number of weights and biases."""
    network = problem.network
    shapes = shapes_of(network, problem.data.inputs)
    return sum(
        rows * columns + (rows if network.has_bias(index) else 0) for index, (rows, columns) in enumerate(shapes)
    )


def evaluation_s(problem: Problem) -> float:
    """Seconds that one loss takes, to within a small factor."""
    shapes = shapes_of(problem.network, problem.data.inputs)
    if uses_moments(problem):
        return sum(LAYER_S + 4.0 * PER_PRODUCT_S * rows * columns * max(rows, columns) for rows, columns in shapes)
    n = _samples(problem)
    return sum(LAYER_S + n * rows * (PER_PRODUCT_S * columns + PER_ACTIVATION_S) for rows, columns in shapes)


def known_minimum(problem: Problem) -> Minima | None:
    """What a solver says, if one covers the problem; computed once a problem."""
    if "pictures.minima" not in problem.memo:
        try:
            problem.memo["pictures.minima"] = solve(problem)
        except (NotCovered, NumericalError):
            problem.memo["pictures.minima"] = None
    found: Minima | None = problem.memo["pictures.minima"]
    return found


def centre_of(request: CentredOptions, mapped: MappedProblem, limits: Limits) -> Source:
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
        return _posted(PostedPoint(weights=request.weights, biases=request.biases), problem, (), limits)
    if request.biases is not None:
        raise InputError.at(("biases",), "must be left out where no weights are sent")
    if request.at is not None:
        return source_of(request.at, problem, ("at",), limits, 0)
    minima = known_minimum(problem)
    known = minima is not None and minima.solution.minimum.parameters is not None
    return source_of(NamedPoint.GLOBAL_MINIMUM if known else NamedPoint.TRAINED, problem, ("at",), limits, 0)


def source_of(
    point: NamedPoint | int | PostedPoint, problem: Problem, at: Location, limits: Limits, run: int
) -> Source:
    """A point by name, place or weights; ``run`` numbers the random start of a trained one."""
    if isinstance(point, PostedPoint):
        return _posted(point, problem, at, limits)
    if isinstance(point, NamedPoint):
        if point is NamedPoint.TRAINED:
            return Source(point, None, run)
        if point is NamedPoint.ORIGIN:
            return Source(point, flatten(shape_of(problem)))
        minima = known_minimum(problem)
        parameters = None if minima is None else minima.solution.minimum.parameters
        if parameters is None:
            raise InputError.at(at, "is not known: no solver has weights of the global minimum of this problem")
        return Source(point, _flat(parameters))
    return Source("stationary_point", _stationary(point, problem, at))


def _posted(point: PostedPoint, problem: Problem, at: Location, limits: Limits) -> Source:
    with located(at):
        parameters = diagnose_mapping.point_to_core(point.weights, point.biases, limits)
        check_parameters(problem, parameters)
    return Source("posted", flatten(parameters))


def _flat(parameters: Parameters) -> FloatArray:
    biases = tuple(None if bias is None else bias.dense()[:, 0] for bias in parameters.biases)
    flat: FloatArray = flatten(DenseParameters(tuple(weight.dense() for weight in parameters.weights), biases))
    return flat


def _stationary(place: int, problem: Problem, at: Location) -> FloatArray:
    """Weights of a stationary point of the solver for one output, from the norm of its map."""
    minima = known_minimum(problem)
    if minima is None or minima.solution.solver != "scalar_output" or not problem.network.weight_decays.all():
        raise InputError.at(at, "must be a name: stationary points have weights for one output with decay everywhere")
    points = minima.solution.stationary_points
    if place >= len(points):
        raise InputError.at(at, f"must be less than {len(points)}, the number of stationary points")
    chosen = points[place]
    if chosen.kind is PointKind.ORIGIN:
        return _flat(balanced_parameters(problem.network, problem.data, np.zeros(problem.data.inputs)))
    if chosen.kind is not PointKind.BRANCH:
        raise InputError.at(at, "must be the place of a branch or of the origin")
    reduced = reduced_of(problem)
    ridge = float(multiplier(reduced, np.array([chosen.norm * np.exp(reduced.log_factor)]))[0])
    return _flat(balanced_parameters(problem.network, problem.data, reduced.map_at(ridge)))


def compute_point(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    """Loss and gradient at a point, which is trained first if it is not given."""
    problem = unpack(arguments["problem"], arrays)
    iterations: int | None = None
    if "array" in arguments:
        point = np.asarray(arrays[arguments["array"]], dtype=np.float64)
    else:
        start = random_start(problem, int(arguments["seed"]), int(arguments["run"]))
        trained = descend(problem, start, int(arguments["steps"]))
        point, iterations = trained.point, trained.iterations
    objective = objective_of(problem)
    loss, gradient = objective.slope(point)
    margin = objective.margin(point)
    return {
        "source": str(arguments["source"]),
        "point": point,
        "loss": loss,
        "gradient_norm": float(np.linalg.norm(gradient)),
        "parameter_norm": float(np.linalg.norm(point)),
        "distance_from_kinks": margin if np.isfinite(margin) else None,
        "iterations": iterations,
    }


def in_range(functions: Mapping[str, ChunkFunction]) -> dict[str, ChunkFunction]:
    """The same functions, silent where they overflow and refusing to return what is not finite.

    What they raise is a `NumericalError`: extreme weights and data are legal, their pictures do not exist.
    """
    return {name: _in_range(function) for name, function in functions.items()}


def _in_range(function: ChunkFunction) -> ChunkFunction:
    def call(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
        with np.errstate(all="ignore"):
            found = function(arguments, arrays, inputs)
            if not _finite(found):
                raise NumericalError("the computation left the range of double precision")
        return found

    return call


def _finite(value: Json) -> bool:
    if isinstance(value, Mapping):
        return all(map(_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    return not isinstance(value, float | np.ndarray) or bool(np.all(np.isfinite(value)))


def card(measured: Mapping[str, Json], arguments: Mapping[str, Json]) -> dict[str, Json]:
    """A measured point as callers see it."""
    scale = float(arguments["loss_scale"])
    found = {name: value for name, value in measured.items() if name != "point" or arguments["with_points"]}
    found["loss"] *= scale
    found["gradient_norm"] *= scale
    reasons = {}
    if found["distance_from_kinks"] is None:
        reasons["distance_from_kinks"] = "no activation has a kink"
    if found["iterations"] is None:
        reasons["iterations"] = "the point was not trained"
    return {**found, "reasons": reasons}


def minimum_card(problem: Problem, scale: float) -> tuple[dict[str, Json] | None, str]:
    """The global minimum as callers see it, or the reason why it is not known."""
    minima = known_minimum(problem)
    if minima is None:
        return None, "no solver covers this problem"
    minimum = {
        "loss": minima.solution.minimum.loss * scale,
        "lower_bound": minima.certificate.lower_bound * scale,
        "status": minima.status,
        "solver": minima.solution.solver,
    }
    return minimum, ""
