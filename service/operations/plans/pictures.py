"""A plan of slices, spectra or paths as it grows: the problem, its points, its chunks and what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from service.core.pictures.training import settling_budget
from service.errors import LimitExceeded, Location
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.mapping.problem import MappedProblem
from service.operations.plans.packing import pack
from service.operations.plans.picture_points import PictureHeading, PointSource
from service.operations.plans.picture_sizes import SLOPE, check_drawable, evaluation_s, weights_of
from service.operations.plans.plan import Chunk, Json
from service.schemas.points import CentredOptions, PictureOptions
from service.schemas.problem import ProblemDocument
from service.settings import Limits
from service.version import ENGINE_VERSION


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
    chunks : list of Chunk
    arrays : dict
        Shared by all chunks; the problem's own from the start.
    cost_s : float
    steps : int
        Gradients and products with the Hessian so far.
    """

    wire: ProblemDocument
    mapped: MappedProblem
    request: PictureOptions
    packed: Mapping[str, Json]
    arrays: dict[str, npt.NDArray[np.float64]]
    chunks: list[Chunk] = field(default_factory=list)
    cost_s: float = 0.0
    steps: int = 0

    def add(self, function: str, arguments: Mapping[str, Json], inputs: Sequence[int] = (), cost_s: float = 0.0) -> int:
        """Append a chunk that sees the problem; its number."""
        self.chunks.append(Chunk(function, {"problem": self.packed, **arguments}, tuple(inputs)))
        self.cost_s += cost_s
        return len(self.chunks) - 1

    def add_point(self, source: PointSource, *, path: bool = False) -> int:
        """Append the chunk that measures a point, and trains it where it must, its path kept; its number."""
        name = f"point_{len(self.chunks)}"
        arguments: dict[str, Json] = {"source": source.name}
        evaluations = 1
        if source.point is None:
            steps = self.request.training_steps
            evaluations = steps + 1 + settling_budget(self.mapped.core, weights_of(self.mapped.core), steps)
            arguments |= {"seed": self.request.seed, "run": source.run, "steps": self.request.training_steps}
            arguments["path"] = path
        else:
            self.arrays[name] = source.point
            arguments["array"] = name
        self.steps += evaluations
        return self.add("point", arguments, (), SLOPE * evaluations * evaluation_s(self.mapped.core))

    def check(self, limits: Limits, at: Location) -> None:
        """Refuse what takes more gradients and products than the server allows."""
        if self.steps > limits.max_picture_steps:
            raise LimitExceeded(at, "max_picture_steps", limits.max_picture_steps, "gradients and Hessian products")

    def arguments(self, **own: Json) -> Mapping[str, Json]:
        """What every reducer receives, to be read by `heading_of`, beside its own."""
        heading = PictureHeading(
            loss_scale=self.mapped.scaling.loss,
            with_points="points" in self.request.include,
            seed=self.request.seed,
            convention=self.wire.objective.convention,
            engine_version=ENGINE_VERSION,
            problem_hash=problem_hash(self.wire),
            model=self.request.model if isinstance(self.request, CentredOptions) else None,
        )
        return {"heading": heading.model_dump(mode="json"), **own}


def heading_of(arguments: Mapping[str, Json]) -> PictureHeading:
    """Invert `Draft.arguments`."""
    return PictureHeading.model_validate(arguments["heading"])


def draft(request: PictureOptions, problem: ProblemDocument, limits: Limits) -> Draft:
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
