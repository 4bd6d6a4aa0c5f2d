"""Where the infimum lies: at infinity for separable classes, attained where everything is decayed."""

from typing import Final

from service.core.data_facts.facts import data_facts_of
from service.core.data_facts.separation import separation_of
from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    case,
    excludes,
    follows,
    implied_by,
    labelled,
    not_expressible,
    row,
    with_layer,
    with_loss,
    with_network,
)
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.decayed_conditions import DEEP
from service.core.landscapes.networks.trained import separating
from service.vocabulary import Activation, Bias, Loss, Property, TheoremStatus

TAILED: Final = frozenset({Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY})


def _finite_expectation(problem: Problem) -> Judgement:
    noisy = on.NO_NOISE.check(problem).holds is False
    return on.judged(not noisy or problem.loss is Loss.SQUARED, "noise, and the loss is not squared", noise=noisy)


def _tailed(problem: Problem) -> Judgement:
    return on.judged(problem.loss in TAILED, "the loss attains its least value", loss=problem.loss.value)


def _separated(problem: Problem) -> Judgement:
    """Some weights classify every sample with a positive margin."""
    if problem.samples is None:
        return on.unknown(on.SAMPLES_NEEDED)
    if problem.loss not in TAILED:
        return on.judged(False, "the targets are not labels", loss=problem.loss.value)
    if problem.loss is Loss.CROSS_ENTROPY and not bool((problem.samples.y.max(axis=1) == 1.0).all()):
        return on.judged(False, "the targets are probabilities, not classes")
    linear = on.LINEAR.check(problem).holds is True
    found = _separated_linearly(problem) if linear else _separated_by_interpolation(problem)
    return _separated_by_a_network(problem, found) if found.holds is None else found


def _separated_linearly(problem: Problem) -> Judgement:
    found = separation_of(problem, offset=bool(problem.network.bias_layers))
    if found is None:
        return on.unknown("too many samples and classes to decide separability")
    margin = found.margin
    if not found.separable:
        return on.judged(False, "no linear map separates the classes", margin=margin)
    wide = problem.network.outputs == 1 or on.NO_BOTTLENECK.check(problem).holds is True
    return on.judged(wide or None, "separable, but whether through the bottleneck is not known", margin=margin)


def _separated_by_interpolation(problem: Problem) -> Judgement:
    if on.CONSISTENT_TARGETS.check(problem).holds is False:
        return on.judged(False, "equal inputs have different labels")
    distinct = data_facts_of(problem).distinct or 0
    layer = problem.network.layers[0]
    general = layer.activation not in (Activation.LINEAR, Activation.QUADRATIC) and layer.slope != 1.0
    wide = problem.network.n_hidden == 1 and layer.width >= distinct and problem.network.has_bias(0) and general
    if wide or not _carries_affine_maps(problem):
        return on.judged(wide or None, "whether the network separates the classes is not known", distinct=distinct)
    found = separation_of(problem, offset=True)
    margin = 0.0 if found is None else found.margin
    holds = True if found is not None and found.separable else None
    return on.judged(holds, "no affine map separates the classes; whether the network does is not known", margin=margin)


def _carries_affine_maps(problem: Problem) -> bool:
    """Whether the outputs come as close to any affine map as wanted: biases, and no layer that is too narrow.

    Near a point of slope s'(b) a unit is affine, ``s(b + t z) = s(b) + t s'(b) z + o(t)``; the last bias takes off
    what is constant.  Every activation here has such a point.
    """
    network = problem.network
    narrowest = min((problem.data.inputs, network.outputs))
    return network.bias is Bias.ALL and all(width >= narrowest for width in network.hidden_widths)


def _separated_by_a_network(problem: Problem, unknown: Judgement) -> Judgement:
    """A network that a short descent finds; its margin is computed at its weights, so that it proves itself."""
    plain = all(one.check(problem).holds is True for one in on.PLAIN)
    found = separating(problem) if plain else None
    return unknown if found is None else on.judged(True, "", margin_of_a_network=found[1])


FINITE_EXPECTATION = Hypothesis("no noise, or squared loss", _finite_expectation)
BOUNDED_BELOW = Hypothesis("loss bounded below", lambda problem: on.judged(True, "", loss=problem.loss.value))
TAILED_LOSS = Hypothesis("loss whose infimum is not attained", _tailed)
SEPARATED = Hypothesis("some weights classify all samples with a positive margin", _separated)
_LOGISTIC = case((2, 1), labelled(), loss=Loss.LOGISTIC)
_WIDE_LOGISTIC = case((6, 1), labelled(), activation=Activation.TANH, bias=Bias.ALL, loss=Loss.LOGISTIC)
AT_INFINITY = row(
    "R46",
    "Separable data: the infimum lies at infinity",
    "If l > 0 tends to zero with the margin and some weights classify every sample with a positive margin, "
    "then inf J = 0 "
    "is not attained, and scaling the output layer of those weights descends strictly to it.",
    "derived",
    TheoremStatus.PROVED,
    (*on.PLAIN, TAILED_LOSS, SEPARATED),
    _LOGISTIC,
    breaks={
        SEPARATED: on_data(_LOGISTIC, labelled(12, separable=False)),
        on.LINEAR_OUTPUT: with_layer(_WIDE_LOGISTIC, -1, activation=Activation.TANH),
    },
    exempt=implied_by(TAILED_LOSS, SEPARATED),
    conclusions=(*follows(Property.DESCENT_PATH_TO_INFINITY), *excludes(Property.MINIMUM_ATTAINED)),
)
COERCIVE = row(
    "R47",
    "Decay on everything: a minimum exists",
    "If every trained weight and bias is decayed and the loss is bounded below, J tends to infinity with the "
    "parameters: "
    "the minimum is attained, and no path to infinity descends.",
    "derived",
    TheoremStatus.PROVED,
    (on.NO_SKIPS, on.EVERYTHING_DECAYED, FINITE_EXPECTATION, BOUNDED_BELOW),
    DEEP,
    breaks={
        on.EVERYTHING_DECAYED: with_network(DEEP, bias=Bias.OUTPUT),
        FINITE_EXPECTATION: with_network(with_loss(DEEP, Loss.EXPONENTIAL), input_noise_variance=0.1),
    },
    exempt=not_expressible(BOUNDED_BELOW, "every loss of a problem is bounded below"),
    conclusions=(*follows(Property.MINIMUM_ATTAINED), *excludes(Property.DESCENT_PATH_TO_INFINITY)),
    caution="one bias or layer without decay breaks it",
    shared_kernels=True,
)

THEOREMS: Final = (
    AT_INFINITY,
    COERCIVE,
)
