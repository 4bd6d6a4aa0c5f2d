"""Whether given weights and biases are those of a network: shapes, finite numbers, layers that are not trained."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, shapes_of
from service.core.losses.dense import DenseParameters
from service.errors import FieldError, InputError, counted


def check_parameters(problem: Problem, parameters: DenseParameters) -> None:
    """Refuse weights that do not fit the network.

    Raises
    ------
    InputError
        Naming each layer whose shape does not chain, which holds a number that is not finite, or others than its own
        where it is not trained.
    """
    shapes = shapes_of(problem.network, problem.data.inputs)
    problems: list[FieldError] = []
    if len(parameters.weights) != len(shapes):
        raise InputError.at(("weights",), f"must hold {len(shapes)} matrices, one for each layer")
    for index, (weight, shape) in enumerate(zip(parameters.weights, shapes, strict=True)):
        if weight.shape != shape:
            detail = f"must have {counted(shape[0], 'row')} and {counted(shape[1], 'column')}"
            turned = weight.shape[::-1] == shape
            found = f" and has {weight.shape[0]} and {weight.shape[1]}{': transpose it' if turned else ''}"
            problems.append(FieldError(("weights", index), detail + (found if weight.ndim == 2 else "")))
        elif not np.all(np.isfinite(weight)):
            problems.append(FieldError(("weights", index), "must hold finite numbers only"))
        elif not _as_frozen(weight, problem.network.layers[index].frozen_weights):
            detail = "must be the frozen_weights of the layer, which is not trained"
            problems.append(FieldError(("weights", index), detail))
    for index, bias in enumerate(parameters.biases):
        expected = problem.network.has_bias(index)
        if expected != (bias is not None):
            detail = "is missing" if expected else "is given, but the layer has no bias"
            problems.append(FieldError(("biases", index), detail))
        elif bias is not None and (bias.shape != (shapes[index][0],) or not np.all(np.isfinite(bias))):
            problems.append(FieldError(("biases", index), f"must hold {shapes[index][0]} finite numbers"))
    if problems:
        raise InputError(problems)


def _as_frozen(weight: FloatArray, frozen: FloatArray | None) -> bool:
    return frozen is None or bool(np.allclose(weight, frozen, rtol=1e-12, atol=0.0))
