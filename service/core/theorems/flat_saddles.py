"""Deep networks with biases, linear or not: saddles without negative curvature."""

from dataclasses import replace
from typing import Final

import numpy as np

from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import PROOFS, case, excludes, row, samples, with_widths
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.networks.silent_networks import CORRELATED, silent_errors, silent_output
from service.vocabulary import Activation, Bias, Property, TheoremStatus


def _errors_follow_inputs(problem: Problem) -> Judgement:
    data = problem.samples
    if data is None:
        return on.unknown(on.SAMPLES_NEEDED)
    # the best constant whether or not the network has the output bias that gives it
    biased = replace(problem, network=replace(problem.network, bias=Bias.ALL))
    output = silent_output(biased, data)
    if output is None:
        return on.judged(False, "a label does not occur: no constant output is best")
    errors = silent_errors(biased, output, data)
    centred = data.x - data.x.mean(axis=0)
    # errors of the best constant average to zero, so that only the spread of the inputs counts
    pull = float(np.linalg.norm(errors.T @ centred))
    size = float(np.linalg.norm(errors) * np.linalg.norm(centred))
    reason = "the errors of the best constant are not correlated with the inputs"
    return on.judged(pull > CORRELATED * size, reason, correlation=pull)


FOLLOW = Hypothesis("errors of the best constant correlated with the inputs", _errors_follow_inputs)
_DATA = samples(8, 2)
_DEEP = case((3, 3, 1), _DATA, activation=Activation.TANH, bias=Bias.ALL)
_EVEN = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [2.0, 1.0], [-2.0, -1.0]])

FLAT = row(
    "R62",
    "Two hidden layers or more: a saddle without negative curvature",
    "At W = 0, hidden biases of one and the best constant c as output bias, outputs depend on the input only through "
    "products of all L >= 3 changes of weights. Up to second order the network stays constant, so that the loss does "
    "not fall: no gradient, no negative curvature. With E[l'(c, y) x'] != 0 the product of changes against it falls at "
    "order L, for any loss and any activation with s'(1) != 0.",
    "derived",
    TheoremStatus.PROVED,
    (*on.PLAIN, on.SEVERAL_HIDDEN, on.ALL_BIASED, FOLLOW),
    _DEEP,
    breaks={
        on.SEVERAL_HIDDEN: with_widths(_DEEP, 3),
        FOLLOW: on_data(_DEEP, Samples(_EVEN, np.array([[1.0], [1.0], [2.0], [2.0], [0.0], [0.0]]))),
    },
    conclusions=excludes(Property.ALL_SADDLES_STRICT),
    caution="gradient descent rests near it for long",
    page=PROOFS,
)

THEOREMS: Final = (FLAT,)
