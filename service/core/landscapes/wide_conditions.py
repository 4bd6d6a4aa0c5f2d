"""Hypotheses and instances that theorems on wide networks share."""

from collections.abc import Callable
from typing import Final

from service.core.data_facts.facts import data_facts_of
from service.core.ground.problems import Layer, Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import case, samples
from service.core.landscapes.features import feature_dimension_of
from service.vocabulary import Activation, Bias, Loss, Property

NSV: Final = Property.NO_SPURIOUS_VALLEYS
SMOOTH_INCREASING: Final = frozenset({Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS})


def width_against(name: str, reason: str, enough: Callable[[Problem, int, int], bool]) -> Hypothesis:
    """A condition on the last hidden width and the number of samples: ``enough(problem, width, samples)``."""

    def check(problem: Problem) -> Judgement:
        n = data_facts_of(problem).n
        width = problem.network.hidden_widths[-1] if problem.network.hidden_widths else 0
        if n is None:
            return on.unknown("the number of samples is unknown", last_hidden_width=width)
        return on.judged(enough(problem, width, n), reason, last_hidden_width=width, samples=n)

    return Hypothesis(name, check)


def _strictly_monotone_onto(layer: Layer) -> bool:
    if layer.activation is Activation.LINEAR:
        return True
    return layer.activation is Activation.LEAKY_RELU and (layer.slope or 0.0) > 0.0


def onto(problem: Problem) -> Judgement:
    """Whether every hidden activation is strictly increasing onto the real line."""
    holds = all(_strictly_monotone_onto(layer) for layer in on.hidden_of(problem))
    return on.judged(holds, "a hidden activation is not strictly increasing onto the real line")


def _leaky(problem: Problem) -> Judgement:
    kinks = [layer.activation is Activation.LEAKY_RELU and layer.slope != 1.0 for layer in on.hidden_of(problem)]
    holds = onto(problem).holds is True and all(kinks)
    return on.judged(holds, "a hidden activation is not a leaky ReLU with positive slope other than one")


def _feature_width(problem: Problem) -> Judgement:
    width = problem.network.hidden_widths[0] if problem.network.hidden_widths else 0
    found = feature_dimension_of(problem, width)
    if found is None:
        return on.unknown(on.SAMPLES_NEEDED, width=width)
    numbers = {"width": width, "dimension_at_most": found.upper, "dimension_at_least": found.lower}
    if width >= found.upper:
        return on.judged(True, "", width=width, dimension_at_most=found.upper)
    if width < found.lower:
        return on.judged(False, "narrower than the features of the data", **numbers)
    return on.unknown("between the bounds on the feature dimension", **numbers)


SQUARES: Final = frozenset({Loss.SQUARED, Loss.WEIGHTED_SQUARED})


def _squares(problem: Problem) -> Judgement:
    return on.judged(problem.loss in SQUARES, "the loss is not squared", loss=problem.loss.value)


RELU = on.activations("ReLU", frozenset({Activation.RELU}))
LEAKY = Hypothesis("leaky ReLU of positive slope", _leaky)
ANALYTIC = on.activations("analytic increasing activations", SMOOTH_INCREASING)
SQUARED_ERRORS = Hypothesis("squared loss, weighted or not", _squares)
FEATURE_WIDTH = Hypothesis("as many neurons as the feature dimension", _feature_width)
HOMOGENEOUS = on.activations(
    "activations homogeneous of degree one", frozenset({Activation.RELU, Activation.LEAKY_RELU, Activation.LINEAR})
)
LAST_WIDE = width_against(
    "last hidden layer of n neurons", "the last hidden layer is narrower than n", lambda _, width, n: width >= n
)
DATA = samples(6, 3)
TWO = samples(6, 3, 2)
LEAKY_CASE = case((6, 1), DATA, activation=Activation.LEAKY_RELU, slope=0.1, bias=Bias.ALL)
RELU_CASE = case((6, 1), DATA, activation=Activation.RELU, bias=Bias.ALL)
TANH = case((6, 1), DATA, activation=Activation.TANH, bias=Bias.ALL)
