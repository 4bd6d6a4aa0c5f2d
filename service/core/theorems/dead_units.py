"""Networks whose ReLU units are all silent: bad local minima under any of the losses."""

from typing import Final

import numpy as np

from service.core.data_facts.facts import ROUNDING, data_facts_of
from service.core.data_facts.separation import common_side
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples, Skip
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import case, follows, labelled, row, samples, with_layer, with_network
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.networks.silent_networks import (
    CORRELATED,
    NO_INPUT_SKIPS,
    SILENT_BELOW_ZERO,
    silent_errors,
    silent_output,
)
from service.vocabulary import Activation, Bias, Loss, Property, SkipKind, TheoremStatus

DIRECTIONS: Final = 100
"""Units that are tried where a plain correlation vanishes."""


def _hidden_biases(problem: Problem) -> bool:
    return problem.network.bias in (Bias.ALL, Bias.HIDDEN)


def _can_be_silent(problem: Problem) -> Judgement:
    bias = problem.network.bias.value
    if _hidden_biases(problem):
        return on.judged(True, "", bias=bias)
    if problem.network.n_hidden >= 2 and problem.network.layers[0].width >= 2 and not problem.network.skips:
        # the first layer has a positive unit on every sample but zero, and the second one negative weights on them
        return on.judged(True, "", bias=bias, first_width=problem.network.layers[0].width)
    if problem.samples is None:
        return on.unknown(on.SAMPLES_NEEDED, bias=bias)
    found = common_side(problem)
    if found is None:
        return on.unknown("too many samples to decide whether the inputs lie on one side", bias=bias)
    return on.judged(found.separable, "no hidden biases, and the inputs lie on both sides of any plane", bias=bias)


def _improvable(problem: Problem) -> Judgement:
    """Whether one unit that is not silent lowers the loss."""
    if problem.samples is None:
        return on.unknown(on.SAMPLES_NEEDED)
    output = silent_output(problem, problem.samples)
    if output is None:
        return on.judged(False, "a label does not occur: no constant output is best")
    return (
        _differs(problem, problem.samples, output)
        if _hidden_biases(problem)
        else _correlated(problem, problem.samples, output)
    )


def _differs(problem: Problem, data: Samples, output: FloatArray) -> Judgement:
    """With biases units are a basis of all functions of the distinct inputs: some error must not average to zero."""
    groups = data_facts_of(problem).groups
    if groups is None:
        return on.unknown(on.SAMPLES_NEEDED)
    errors = silent_errors(problem, output, data)
    if len(groups.x) == len(data.x):
        averaged = errors
    elif data.weights is not None:
        return on.unknown("equal inputs under a weighted loss: whether their errors average to zero is not decided")
    else:
        # for a constant output the errors of equal inputs average to that of their mean target, up to a factor
        averaged = silent_errors(problem, output, Samples(groups.x, groups.y))
        if problem.loss in (Loss.LOGISTIC, Loss.EXPONENTIAL):
            averaged = groups.y - np.tanh(output if problem.loss is Loss.EXPONENTIAL else 0.5 * output)
    size = float(np.square(errors).max(initial=0.0)) + ROUNDING * float(np.square(data.y).max(initial=0.0))
    largest = float(np.square(averaged).max(initial=0.0))
    return on.judged(largest > ROUNDING * size, "the constant is best at every input", largest_squared_error=largest)


def _correlated(problem: Problem, data: Samples, output: FloatArray) -> Judgement:
    """Without biases a unit sees the correlation of errors and inputs, on one side of a plane at least."""
    errors = silent_errors(problem, output, data)
    pull = float(np.linalg.norm(errors.T @ data.x))
    size = float(np.linalg.norm(errors) * np.linalg.norm(data.x))
    if pull > CORRELATED * size:
        return on.judged(True, "", correlation=pull)
    directions = np.random.default_rng(0).normal(size=(data.x.shape[1], DIRECTIONS))
    features = np.maximum(data.x @ (directions / np.linalg.norm(directions, axis=0)), 0.0)
    pull = float(np.linalg.norm(errors.T @ features, axis=0).max(initial=0.0))
    reason = "the errors of the constant are not correlated with the inputs: a better unit is not known"
    return on.judged(True if pull > CORRELATED * size else None, reason, correlation=pull)


CAN_BE_SILENT = Hypothesis("hidden biases, two hidden layers, or inputs on one side of a plane", _can_be_silent)
IMPROVABLE = Hypothesis("a constant output that some unit improves", _improvable)

_DATA = samples(8, 2)
_BIASED = case((3, 1), labelled(8), activation=Activation.RELU, bias=Bias.ALL, loss=Loss.LOGISTIC)
_PLAIN = case((3, 1), Samples(np.abs(_DATA.x) + 0.1, _DATA.y), activation=Activation.RELU)

ANY_LOSS = row(
    "R39b",
    "Dead ReLU units under any loss: a bad local minimum",
    "If every unit of a hidden layer (of all, beside skips) is silent near a point, by its biases, because all inputs "
    "lie on one side of a plane through zero, or in the second layer behind two units or more, the output is constant "
    "there: with the best one, or zero without an output bias, it is a local minimum of every convex loss. It is a bad "
    "one where a unit that is active on some samples is correlated with the errors: with biases unless the errors "
    "average to zero at every distinct input.",
    "derived",
    TheoremStatus.PROVED,
    (
        on.LINEAR_OUTPUT,
        on.NO_DECAY,
        on.NO_NOISE,
        NO_INPUT_SKIPS,
        on.ALL_TRAINED,
        on.SOME_HIDDEN,
        SILENT_BELOW_ZERO,
        CAN_BE_SILENT,
        IMPROVABLE,
    ),
    _BIASED,
    breaks={
        NO_INPUT_SKIPS: with_network(_BIASED, skips=(Skip(0, 2, SkipKind.TRAINABLE),)),
        on.SOME_HIDDEN: case((1,), Samples(np.abs(_DATA.x) + 0.1, _DATA.y), bias=Bias.OUTPUT),
        SILENT_BELOW_ZERO: with_layer(_BIASED, 0, activation=Activation.TANH),
        CAN_BE_SILENT: on_data(_PLAIN, _DATA),
        IMPROVABLE: on_data(_BIASED, Samples(labelled(8).x, np.ones((8, 1)))),
    },
    conclusions=follows(Property.SPURIOUS_MINIMA_EXIST),
    caution="under weight decay the dead network is not even stationary",
)

THEOREMS: Final = (ANY_LOSS,)
