"""A separating linear network whose output layer grows: the loss falls strictly and is never attained."""

import numpy as np

from service.core.landscapes import setting
from service.core.landscapes.separability import separation_of
from service.core.landscapes.witnesses.claims import Claim, Construction
from service.core.losses import DenseParameters
from service.core.problems import Problem, shapes_of
from service.vocabulary import Bias

_GROWTH = 2.0 ** np.arange(9)


def growing_output(problem: Problem) -> Construction | None:
    """The separating map in the first layers, the output layer doubled again and again."""
    offset = problem.network.bias in (Bias.ALL, Bias.OUTPUT)
    found = separation_of(problem, offset=offset)
    shapes = shapes_of(problem.network, problem.data.inputs)
    narrow = problem.network.n_hidden > 0 and setting.NO_BOTTLENECK.check(problem).holds is not True
    if found is None or not found.separable or setting.LINEAR.check(problem).holds is not True or narrow:
        return None
    outputs, inputs = problem.network.outputs, problem.data.inputs
    both = found.coefficients.reshape(outputs, -1)
    longest = 1.0 if problem.samples is None else float(np.linalg.norm(problem.samples.x, axis=1).max())
    unit = 1.0 / (found.margin * max(longest, 1.0))
    through = min(outputs, inputs)
    path = []
    for growth in _GROWTH.tolist():
        weights = [np.zeros(shape) for shape in shapes]
        # the map stands in the layer at its narrower end, identities in the others
        at = len(weights) - 1 if inputs <= outputs else 0
        for index, weight in enumerate(weights):
            if index != at:
                weight[:through, :through] = np.eye(through)
        weights[at][:outputs, :inputs] = both[:, :inputs]
        weights[-1] = weights[-1] * (unit * growth)
        biases = [np.zeros(shape[0]) if problem.network.has_bias(index) else None for index, shape in enumerate(shapes)]
        if offset:
            biases[-1] = both[:, -1] * (unit * growth)
        path.append(DenseParameters(tuple(weights), tuple(biases)))
    title = "a growing output layer"
    return Construction("W8", title, "R46", Claim.DESCENT_TO_INFINITY, path[0], None, tuple(path))
