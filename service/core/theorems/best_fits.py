"""Where undecayed networks attain the least squared loss: enough neurons, or one output of homogeneous units."""

from typing import Final

from service.core.data_facts.facts import data_facts_of
from service.core.ground.problems import Layer, Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    PROOFS,
    case,
    follows,
    implied_by,
    row,
    samples,
    with_layer,
    with_loss,
    with_widths,
)
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.wide_conditions import DATA, FEATURE_WIDTH, HOMOGENEOUS, SQUARED_ERRORS
from service.vocabulary import Activation, Bias, Loss, Property, TheoremStatus


def _injective(layer: Layer) -> bool:
    """Not a polynomial, and one-to-one on some half line: one unit carries distinct numbers on."""
    if layer.activation is Activation.LEAKY_RELU:
        return layer.slope != 1.0
    return layer.activation in (Activation.RELU, Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS)


def _enough(problem: Problem) -> Judgement:
    network = problem.network
    if network.n_hidden == 1:
        return FEATURE_WIDTH.check(problem)
    distinct = data_facts_of(problem).distinct
    width = network.hidden_widths[-1] if network.hidden_widths else 0
    if not all(_injective(layer) for layer in network.layers[:-1]) or on.HIDDEN_BIAS.check(problem).holds is not True:
        return on.judged(False, "no hidden biases, or an activation that is a polynomial", last_hidden_width=width)
    if distinct is None:
        return on.unknown(on.SAMPLES_NEEDED, last_hidden_width=width)
    reason = "fewer neurons in the last hidden layer than distinct inputs"
    return on.judged(width >= distinct, reason, last_hidden_width=width, distinct_inputs=distinct)


ENOUGH = Hypothesis("one hidden layer of the feature dimension, or a last one of n biased neurons", _enough)
_WIDE = case((6, 1), DATA, activation=Activation.TANH, bias=Bias.ALL)
_RELU = case((2, 1), samples(8, 2), activation=Activation.RELU, bias=Bias.ALL)

WIDE = row(
    "R59",
    "As many neurons as the data have features: the least squared loss is attained",
    "If the last hidden layer can take features that span all those of wider layers (one hidden layer: their dimension "
    "is at most the width; several, with biases and activations that are no polynomials: at least as many neurons as "
    "distinct inputs), the best output weights at such features reach the least squared loss of any width.",
    "derived; Leshno et al. 1993 for the span of one activation",
    TheoremStatus.PROVED,
    (*on.PLAIN, SQUARED_ERRORS, on.SOME_HIDDEN, ENOUGH),
    _WIDE,
    breaks={
        SQUARED_ERRORS: with_loss(_WIDE, Loss.EXPONENTIAL),
        ENOUGH: with_widths(_WIDE, 2),
    },
    exempt=implied_by(on.SOME_HIDDEN, ENOUGH),
    conclusions=follows(Property.MINIMUM_ATTAINED),
    caution="narrower smooth networks need not attain their infimum",
    page=PROOFS,
)
ONE_OUTPUT = row(
    "R60",
    "One output of ReLU units: the least squared loss is attained",
    "With one hidden layer of activations homogeneous of degree one and one output, the outputs on n samples are a "
    "finite union of sums of polyhedral cones, one for each activation pattern of each unit and sign of its output "
    "weight. These sums are closed, so that the least squared loss is attained at any width.",
    "derived",
    TheoremStatus.PROVED,
    (*on.PLAIN, SQUARED_ERRORS, on.ONE_HIDDEN, on.ONE_OUTPUT, HOMOGENEOUS),
    _RELU,
    breaks={
        SQUARED_ERRORS: with_loss(on_data(_RELU, samples(8, 2)), Loss.EXPONENTIAL),
        on.ONE_OUTPUT: on_data(with_layer(_RELU, 1, width=2), samples(8, 2, 2)),
        HOMOGENEOUS: with_layer(_RELU, 0, activation=Activation.TANH),
    },
    conclusions=follows(Property.MINIMUM_ATTAINED),
    caution="with several outputs or layers, or smooth activations, the infimum need not be attained",
    page=PROOFS,
)

THEOREMS: Final = (WIDE, ONE_OUTPUT)
