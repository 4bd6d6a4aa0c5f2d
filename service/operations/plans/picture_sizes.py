"""What can be drawn and what drawing costs: checks before any work, and estimates of time."""

from typing import Final

from service.core.ground.problems import Problem, shapes_of
from service.core.pictures.objective import uses_moments
from service.errors import FieldError, InputError, LimitExceeded, Location
from service.settings import Limits
from service.vocabulary import Loss

CHUNK_S: Final = 0.5
# measured on one core: one layer of one evaluation, one product of a sample with a weight, one activation
LAYER_S: Final = 3e-6
PER_PRODUCT_S: Final = 5e-11
PER_ACTIVATION_S: Final = 2e-9
KNOWN: Final = "linear layers under squared loss"
SLOPE: Final = 3.0
"""What a gradient costs in evaluations; a product with the Hessian costs a little more."""


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
        found.append(FieldError(("network", "skips"), "must be empty: pictures do not support skips"))
    for index, layer in enumerate(network.layers):
        if layer.frozen_weights is not None:
            at = ("network", "layers", index, "frozen_weights")
            found.append(FieldError(at, "must be left out: pictures do not support frozen layers"))
    if problem.loss is Loss.WEIGHTED_SQUARED:
        found.append(
            FieldError(
                ("objective", "loss"), "must not be weighted_squared: pictures do not support weights of the error"
            )
        )
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


def _needs_of_samples(problem: Problem) -> list[FieldError]:
    found: list[FieldError] = []
    if problem.samples is None:
        found.append(FieldError(("data", "kind"), f"must have samples: only {KNOWN} are known through moments"))
    for index, layer in enumerate(problem.network.layers[:-1]):
        if layer.noise_variance:
            at = ("network", "layers", index, "noise")
            found.append(FieldError(at, f"must be left out: the exact loss under noise is known for {KNOWN}"))
    if problem.network.input_noise_variance:
        detail = f"must be left out: the exact loss under noise is known for {KNOWN}"
        found.append(FieldError(("network", "input_noise"), detail))
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
