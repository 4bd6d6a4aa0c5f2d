"""Weight decay and noise: bad origins, phase thresholds, coercivity; and losses whose infimum is at infinity."""

from functools import cache
from math import exp, log, sqrt
from typing import Final

import numpy as np
from scipy.optimize import brentq

from service.core.landscapes import setting as on
from service.core.landscapes.below_origin import VANISHING, below_origin_of
from service.core.landscapes.data_facts import GAP_TOLERANCE, data_facts_of
from service.core.landscapes.separability import separation_of
from service.core.problems import Problem, Samples
from service.core.rules import Fact, Hypothesis, Verdict
from service.core.theorems.landscape_cases import (
    ALWAYS_CONVEX,
    case,
    excludes,
    follows,
    implied_by,
    labelled,
    not_expressible,
    row,
    samples,
    white_samples,
    with_decay,
    with_layer,
    with_loss,
    with_network,
    with_widths,
)
from service.core.theorems.landscape_cases import on as on_data
from service.vocabulary import Activation, Bias, Loss, Property, TheoremStatus

NSM: Final = Property.NO_SPURIOUS_LOCAL_MINIMA
SPURIOUS: Final = Property.SPURIOUS_MINIMA_EXIST
TAILED: Final = frozenset({Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY})


def _order_of_origin(problem: Problem) -> Verdict:
    noisy = on.NO_NOISE.check(problem).holds is False
    tame = on.LINEAR.check(problem).holds is True and problem.loss is Loss.SQUARED
    return on.judged(not noisy or tame, "there is noise, and the network is not linear under squared loss", noise=noisy)


def _below_origin(problem: Problem) -> Verdict:
    found = below_origin_of(problem)
    if found is None:
        return on.unknown("no network below the origin was constructed")
    numbers: dict[str, Fact] = {"loss_at_zero": found.at_zero, "loss_found": found.found}
    return on.judged(True, "", **numbers) if found.improves else on.unknown("no better network was found", **numbers)


def _origin_kept(problem: Problem) -> Verdict:
    facts = data_facts_of(problem)
    if facts.pull_at_zero is None:
        return on.unknown("without data the pull on the zero map is unknown")
    decays = problem.network.weight_decays
    threshold = sqrt(float(decays[0])) * sqrt(float(decays[-1]))
    numbers: dict[str, Fact] = {"threshold": threshold, "largest_singular_value_of_xy": facts.pull_at_zero}
    return on.judged(threshold >= facts.pull_at_zero, "the decay is below the threshold", **numbers)


def _hidden_dropout(problem: Problem) -> Verdict:
    largest = float(np.max(problem.network.noise_variances, initial=0.0))
    return on.judged(largest > 0.0, "no hidden layer has noise", largest_noise_variance=largest)


def _finite_expectation(problem: Problem) -> Verdict:
    noisy = on.NO_NOISE.check(problem).holds is False
    return on.judged(not noisy or problem.loss is Loss.SQUARED, "noise, and the loss is not squared", noise=noisy)


def _tailed(problem: Problem) -> Verdict:
    return on.judged(problem.loss in TAILED, "the loss attains its least value", loss=problem.loss.value)


def _separated(problem: Problem) -> Verdict:
    """Some weights classify every sample with a positive margin."""
    if problem.samples is None:
        return on.unknown(on.SAMPLES_NEEDED)
    if problem.loss not in TAILED:
        return on.judged(False, "the targets are not labels", loss=problem.loss.value)
    if on.LINEAR.check(problem).holds is True:
        return _separated_linearly(problem)
    return _separated_by_interpolation(problem)


def _separated_linearly(problem: Problem) -> Verdict:
    found = separation_of(problem, offset=bool(problem.network.bias_layers))
    if found is None:
        return on.unknown("too many samples and classes to decide separability")
    margin = found.margin
    if not found.separable:
        return on.judged(False, "no linear map separates the classes", margin=margin)
    wide = problem.network.outputs == 1 or on.NO_BOTTLENECK.check(problem).holds is True
    return on.judged(wide or None, "separable, but whether through the bottleneck is not known", margin=margin)


def _separated_by_interpolation(problem: Problem) -> Verdict:
    if on.CONSISTENT_TARGETS.check(problem).holds is False:
        return on.judged(False, "equal inputs have different labels")
    distinct = data_facts_of(problem).distinct or 0
    layer = problem.network.layers[0]
    general = layer.activation not in (Activation.LINEAR, Activation.QUADRATIC) and layer.slope != 1.0
    wide = problem.network.n_hidden == 1 and layer.width >= distinct and problem.network.has_bias(0) and general
    return on.judged(wide or None, "whether the network separates the classes is not known", distinct=distinct)


def _levels(problem: Problem) -> tuple[list[float], float, list[float]] | None:
    """Singular values of the whitened target, threshold of existence, and the gain of each value's larger root."""
    facts = data_facts_of(problem)
    if facts.whitening is None or facts.moments is None or not facts.whitening[0] > 0.0:
        return None
    scale, layers = facts.whitening[0], problem.network.n_layers
    decays = problem.network.weight_decays
    if layers < 2 or not decays.all():
        return None
    values = np.linalg.svd(facts.moments.xy / scale, compute_uv=False).tolist()
    unit = exp((float(np.log(decays).sum()) - layers * log(scale)) / (2.0 * (layers - 1)))
    least = 0.0 if layers == 2 else ((layers - 2) / layers) ** (1.0 / (2 * layers - 2))
    start = unit * (1.0 if layers == 2 else least**layers + least ** (2 - layers))
    return values, start, [scale * _gain(value, unit, layers, least, start) for value in values]


@cache
def _gain(value: float, unit: float, layers: int, least: float, start: float) -> float:
    """Loss of the zero value minus that of the larger root; minus infinity where there is no root."""
    if value <= start:
        return -np.inf
    ratio = value / unit
    root = brentq(lambda t: t**layers + t ** (2 - layers) - ratio, max(least, 1e-300), ratio ** (1.0 / layers) * 1.01)
    return float(value * value - unit * unit * (root ** (4 - 2 * layers) + layers * root * root))


def _no_tie(problem: Problem) -> Verdict:
    found = _levels(problem)
    if found is None:
        return on.unknown("the singular values are unknown")
    values, start, _ = found
    gap = min((abs(value - start) / max(start, 1e-300) for value in values), default=1.0)
    holds = gap > GAP_TOLERANCE
    return on.judged(holds, "a singular value lies at the threshold", threshold=start, least_relative_gap=gap)


def _unequal_levels(problem: Problem) -> Verdict:
    found = _levels(problem)
    if found is None:
        return on.unknown("the singular values are unknown")
    _, start, gains = found
    rank = min(problem.data.inputs, *(layer.width for layer in problem.network.layers))
    levels = np.concatenate([[0.0], np.cumsum([gain for gain in gains[:rank] if gain > -np.inf])])
    spread = float(levels.max() - levels.min())
    deep = problem.network.n_hidden >= 2
    holds = deep and spread > GAP_TOLERANCE * max(problem.data.yy, 1e-300)
    return on.judged(holds, "only one level of local minima", levels=len(levels), spread=spread, threshold=start)


def _one_level(problem: Problem) -> Verdict:
    found = _levels(problem)
    if found is None:
        return on.unknown("the singular values are unknown")
    values, start, _ = found
    largest = max(values)
    holds = problem.network.n_hidden == 1 or largest < start * (1.0 - GAP_TOLERANCE)
    return on.judged(holds, "a singular value exceeds the threshold", threshold=start, largest_singular_value=largest)


ORIGIN_BOUNDED = Hypothesis("no noise, or a linear network under squared loss", _order_of_origin)
VANISHES_AT_ZERO = on.activations("hidden activations that vanish at zero", VANISHING)
BELOW_ORIGIN = Hypothesis("a network below the origin", _below_origin)
ORIGIN_KEPT = Hypothesis("decay above the threshold of the origin", _origin_kept)
HIDDEN_NOISE = Hypothesis("noise on the hidden layer", _hidden_dropout)
FINITE_EXPECTATION = Hypothesis("no noise, or squared loss", _finite_expectation)
BOUNDED_BELOW = Hypothesis("loss bounded below", lambda problem: on.judged(True, "", loss=problem.loss.value))
TAILED_LOSS = Hypothesis("loss whose infimum is not attained", _tailed)
SEPARATED = Hypothesis("some weights classify all samples with a positive margin", _separated)
NO_TIE = Hypothesis("no singular value at the threshold", _no_tie)
UNEQUAL_LEVELS = Hypothesis("local minima of different value", _unequal_levels)
ONE_LEVEL = Hypothesis("one hidden layer, or all singular values below the threshold", _one_level)

_WHITE = white_samples(3, np.array([[2.0, 0.3], [0.1, -1.0], [0.4, 0.2], [-1.5, 0.1], [0.0, 0.9], [0.3, 0.0]]))
_UNCORRELATED = Samples(np.vstack([np.eye(3), -np.eye(3)]), np.ones((6, 2)))
_SHALLOW = case((3, 2), samples(12, 3, 2), decay=0.05)
_DEEP = case((3, 3, 2), samples(12, 3, 2), decay=0.05)
_WHITE_DEEP = case((3, 3, 2), _WHITE, decay=0.05)
_TRAINED = (on.NO_SKIPS, on.ALL_TRAINED)

TWO_LAYER_DECAY = row(
    "R13",
    "Two decayed linear layers, wide enough: no spurious minima",
    "For positive decays and d_1 >= min(d_x, d_y), J(W_1, W_2) = E l(W_2 W_1 x, y) + g_1 ||W_1||^2 + g_2 "
    "||W_2||^2 has only "
    "global local minima, and min J = min_W E l(W x, y) + 2 sqrt(g_1 g_2) ||W||_*.",
    "derived; in the line of Srebro et al. 2005 and Haeffele, Vidal 2015",
    TheoremStatus.PROVED,
    (
        on.LINEAR,
        on.NO_NOISE,
        *_TRAINED,
        on.ONE_HIDDEN,
        on.NO_BIAS,
        on.WEIGHTS_DECAYED,
        on.CONVEX_LOSS,
        on.NO_BOTTLENECK,
    ),
    _SHALLOW,
    breaks={on.NO_BOTTLENECK: with_widths(_SHALLOW, 1), on.ONE_HIDDEN: _DEEP},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSM),
    caution="fails for two or more hidden layers",
)
BAD_ORIGIN = row(
    "R14",
    "Deep networks with decay: the origin is a strict local minimum",
    "With H >= 2 hidden layers, f(x) = O(||theta||^(H+1)) while the decay is of order two: the origin is a "
    "strict local "
    "minimum with Hessian diag(2 g_l). It is bad if and only if some network has a smaller loss.",
    "Ziyin, Li, Meng, NeurIPS 2022 (arXiv 2202.04777) for linear networks; activations and losses: derived",
    TheoremStatus.PROVED,
    (*_TRAINED, on.SEVERAL_HIDDEN, on.NO_BIAS, on.WEIGHTS_DECAYED, VANISHES_AT_ZERO, ORIGIN_BOUNDED),
    _DEEP,
    breaks={
        on.SEVERAL_HIDDEN: _SHALLOW,
        VANISHES_AT_ZERO: with_layer(_DEEP, 0, activation=Activation.SIGMOID),
        ORIGIN_BOUNDED: with_network(with_loss(_DEEP, Loss.LOGISTIC), input_noise_variance=0.1),
    },
    conclusions=(
        *follows(SPURIOUS, provided=(BELOW_ORIGIN,)),
        *excludes(Property.NO_BAD_STRICT_MINIMA, Property.NO_BAD_BASINS, provided=(BELOW_ORIGIN,)),
    ),
    caution="sigmoid and softplus do not vanish at zero, and biases are not small where the weights are",
)
KEPT_ORIGIN = row(
    "R14b",
    "Two decayed linear layers: when the origin is the minimum",
    "With one hidden layer the origin is a local minimum if and only if sqrt(g_1 g_2) >= sigma_max(E[x y']); "
    "it is then "
    "global. Below, it is a strict saddle: for equal decays the least eigenvalue of the Hessian is 2 g - 2 sigma_max.",
    "Ziyin, Li, Meng, NeurIPS 2022 (arXiv 2202.04777); derived",
    TheoremStatus.PROVED,
    (
        on.LINEAR,
        on.NO_NOISE,
        *_TRAINED,
        on.ONE_HIDDEN,
        on.SQUARED_LOSS,
        on.NO_BIAS,
        on.WEIGHTS_DECAYED,
        ORIGIN_KEPT,
    ),
    with_decay(_SHALLOW, 9.0),
    breaks={
        on.SQUARED_LOSS: with_loss(with_decay(_SHALLOW, 9.0), Loss.LOGISTIC),
        on.ONE_HIDDEN: with_decay(_DEEP, 9.0),
        ORIGIN_KEPT: _SHALLOW,
        on.WEIGHTS_DECAYED: with_layer(on_data(_SHALLOW, _UNCORRELATED), 0, weight_decay=0.0),
    },
    conclusions=follows(Property.MINIMUM_ATTAINED),
    caution="in objectives with a factor one half the threshold is halved with them",
)
FACTORISATION = row(
    "R15",
    "Decayed factorisation of any depth: all critical points",
    "For E[x x'] = c I the critical points are W_l = sigma / sqrt(lam_l) with s^(2L-1) - sqrt(lam) y_i "
    "s^(L-1) + lam s = 0, "
    "y_i the singular values of E[y x']/c, lam_l = g_l/c, lam their product. Each is a local minimum or a "
    "strict saddle if "
    "and only if no y_i is at the threshold. For L >= 3 the local minima are the leading k directions, k = 0, 1, ...",
    "Chen, Jiang, Wang, 2025 (arXiv 2506.20344); thresholds and classes: derived",
    TheoremStatus.CONFIRMED,
    (
        on.LINEAR,
        on.NO_NOISE,
        *_TRAINED,
        on.SOME_HIDDEN,
        on.SQUARED_LOSS,
        on.NO_BIAS,
        on.WEIGHTS_DECAYED,
        on.WHITENED,
    ),
    _WHITE_DEEP,
    breaks={on.SOME_HIDDEN: case((2,), _WHITE, decay=0.05), on.WHITENED: _DEEP},
    conclusions=(
        *follows(Property.ALL_SADDLES_STRICT, provided=(NO_TIE,)),
        *follows(SPURIOUS, provided=(UNEQUAL_LEVELS,)),
        *follows(NSM, provided=(ONE_LEVEL,)),
    ),
    caution="inputs that are not whitened are not covered",
)
DROPOUT = row(
    "R16",
    "Dropout on one linear layer equalises",
    "For whitened inputs and dropout on the hidden layer J = E||W_2 W_1 x - y||^2 + s sum_i ||u_i||^2 "
    "||v_i||^2, and at the "
    "global minimum all products ||u_i|| ||v_i|| agree.",
    "Mianjy, Arora, Vidal, ICML 2018 (arXiv 1806.09777); Mianjy, Arora, 2019 (arXiv 1905.11887)",
    TheoremStatus.UNCONFIRMED,
    (on.LINEAR, *_TRAINED, on.ONE_HIDDEN, on.SQUARED_LOSS, on.NO_BIAS, on.WHITENED, HIDDEN_NOISE),
    with_layer(case((3, 2), _WHITE), 0, noise_variance=0.5),
    breaks={
        on.WHITENED: with_layer(case((3, 2), samples(12, 3, 2)), 0, noise_variance=0.5),
        HIDDEN_NOISE: case((3, 2), _WHITE),
    },
    caution="claims for untied weights are not confirmed",
)
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
    _DEEP,
    breaks={
        on.EVERYTHING_DECAYED: with_network(_DEEP, bias=Bias.OUTPUT),
        FINITE_EXPECTATION: with_network(with_loss(_DEEP, Loss.EXPONENTIAL), input_noise_variance=0.1),
    },
    exempt=not_expressible(BOUNDED_BELOW, "every loss of a problem is bounded below"),
    conclusions=(*follows(Property.MINIMUM_ATTAINED), *excludes(Property.DESCENT_PATH_TO_INFINITY)),
    caution="one bias or layer without decay breaks it",
)

THEOREMS: Final = (TWO_LAYER_DECAY, BAD_ORIGIN, KEPT_ORIGIN, FACTORISATION, DROPOUT, AT_INFINITY, COERCIVE)
