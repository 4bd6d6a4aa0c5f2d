"""Races on two-layer ReLU networks: their floor is the certified minimum, which the first chunk finds."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from service.core.dynamics.target import Target
from service.core.ground.problems import Problem
from service.core.losses.batched_samples import BatchedSampleLoss
from service.core.relu.form import examined, form_of
from service.core.relu.minimum import CertifiedLoop
from service.errors import InputError
from service.operations.cost import relu_s
from service.operations.plans.packing import unpack
from service.operations.plans.plan import Arrays, Json
from service.operations.plans.race_advice import RaceHeading, advise
from service.schemas.parts import RaceFloor
from service.schemas.races import RacesAnswer
from service.vocabulary import Activation

EFFORT: Final = 100_000
"""Cones that the search for the floor may bound."""
TOLERANCE: Final = 1e-6
RECTIFIERS: Final = (Activation.RELU, Activation.LEAKY_RELU)
NO_RADIUS: Final = "no radius is known from which starts of ReLU networks flow to the origin"
OPEN: Final = "the lower bound: the gap of the certified search is open"
NARROW: Final = "the lower bound, which is the minimum of wider networks: this one has fewer units than that needs"


def is_rectified(problem: Problem) -> bool:
    """Whether a network has rectifiers, so that its floor is that of duality or none."""
    return any(layer.activation in RECTIFIERS for layer in problem.network.layers)


def check_rectified(problem: Problem) -> None:
    """Refuse what has no certified floor.

    Raises
    ------
    InputError, NotCovered
    """
    if problem.network.skips:
        raise InputError.at(("network", "skips"), "must be empty: races do not support skips")
    examined(problem)


def floor_s(problem: Problem) -> float:
    """Seconds that the floor takes."""
    samples = problem.samples
    return 0.0 if samples is None else relu_s(len(samples.x), samples.x.shape[1], EFFORT // 4)


def compute_floor(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> RaceFloor:
    """The certified minimum, in the core's convention."""
    problem = unpack(arguments["problem"], arrays)
    samples = problem.samples
    form = form_of(problem, None if samples is None else samples.loss_parameter)
    with np.errstate(all="ignore"):
        found = CertifiedLoop(form.objective, TOLERANCE, EFFORT).run()
    first, second, bias, offset = form.weights(found.units)
    squares = float(np.square(first).sum() + np.square(second).sum())
    squares += 0.0 if bias is None else float(np.square(bias).sum())
    squares += 0.0 if offset is None else offset * offset
    closed = found.gap <= TOLERANCE
    enough = len(found.units) <= problem.network.layers[0].width
    return RaceFloor(
        floor=form.unit * (found.value if closed and enough else found.dual.bound),
        trivial=not len(found.units),
        parameter_norm=float(np.sqrt(squares)),
        reason="" if closed and enough else OPEN if not closed else NARROW,
    )


def target_of_floor(problem: Problem, floor: RaceFloor) -> Target:
    """What a race measures against."""
    layers = problem.network.n_layers
    shapes = BatchedSampleLoss(problem).shapes
    zeros = [np.zeros((1, *shape)) for shape in shapes]
    zeros += [np.zeros((1, problem.network.layers[index].width, 1)) for index in problem.network.bias_layers]
    zero_loss = float(BatchedSampleLoss(problem).of(zeros)[0])
    return Target(
        floor=floor.floor,
        unit=max(abs(floor.floor), 1e-6 * zero_loss) or 1e-300,
        zero_loss=zero_loss,
        trivial=floor.trivial,
        layer_norms=np.zeros(layers),
        parameter_norm=floor.parameter_norm,
        escape_norm=None,
        escape_reason=NO_RADIUS,
    )


def advise_rectified(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> RacesAnswer:
    """The answer, once the floor is known."""
    floor = RaceFloor.model_validate(inputs[0])
    heading = RaceHeading.model_validate(arguments["heading"])
    reasons = {**heading.reasons, **({"minimum": floor.reason} if floor.reason else {})}
    known = heading.model_copy(
        update={"minimum": floor.floor * float(arguments["loss_scale"]), "trivial": floor.trivial, "reasons": reasons}
    )
    return advise({**arguments, "heading": known.model_dump(mode="json")}, arrays, inputs[1:])
