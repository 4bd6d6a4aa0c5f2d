"""Wide and special nonlinear networks: no valleys, no bad basins, and convexity in disguise."""

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import numpy as np

from service.core.arrays import FloatArray
from service.core.landscapes import setting as on
from service.core.landscapes.data_facts import data_facts_of
from service.core.landscapes.features import feature_dimension_of
from service.core.problems import Layer, Problem, Samples, Skip
from service.core.rules import Hypothesis, Verdict
from service.core.theorems.landscape_cases import (
    ALWAYS_CONVEX,
    case,
    follows,
    implied_by,
    not_decidable,
    not_expressible,
    row,
    samples,
    undecidable,
    unsaid,
    with_layer,
    with_loss,
    with_network,
    with_widths,
)
from service.core.theorems.landscape_cases import on as on_data
from service.vocabulary import Activation, Bias, Loss, Property, SkipKind, TheoremStatus

NSM: Final = Property.NO_SPURIOUS_LOCAL_MINIMA
NSV: Final = Property.NO_SPURIOUS_VALLEYS
NSB: Final = Property.NO_BAD_BASINS
STRICT: Final = Property.ALL_SADDLES_STRICT
CONNECTED: Final = Property.SUBLEVEL_SETS_CONNECTED

SMOOTH_INCREASING: Final = frozenset({Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS})


def width_against(name: str, reason: str, enough: Callable[[Problem, int, int], bool]) -> Hypothesis:
    """A condition on the last hidden width and the number of samples: ``enough(problem, width, samples)``."""

    def check(problem: Problem) -> Verdict:
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


def _onto(problem: Problem) -> Verdict:
    holds = all(_strictly_monotone_onto(layer) for layer in on.hidden_of(problem))
    return on.judged(holds, "a hidden activation is not strictly increasing onto the real line")


def _leaky(problem: Problem) -> Verdict:
    kinks = [layer.activation is Activation.LEAKY_RELU and layer.slope != 1.0 for layer in on.hidden_of(problem)]
    holds = _onto(problem).holds is True and all(kinks)
    return on.judged(holds, "a hidden activation is not a leaky ReLU with positive slope other than one")


def _independent_samples(problem: Problem) -> Verdict:
    facts = data_facts_of(problem)
    if facts.n is None or facts.rank_x is None:
        return on.unknown("the rank of the samples is unknown")
    return on.judged(facts.rank_x == facts.n, "the samples are linearly dependent", rank=facts.rank_x, samples=facts.n)


def _decreasing(problem: Problem) -> Verdict:
    widths = [layer.width for layer in problem.network.layers]
    holds = all(one > other for one, other in pairwise(widths))
    return on.judged(holds, "the widths do not decrease strictly", widths=" ".join(map(str, widths)))


def _wide_then_decreasing(problem: Problem) -> Verdict:
    n = data_facts_of(problem).n
    if n is None:
        return on.unknown("the number of samples is unknown")
    widths = [layer.width for layer in problem.network.layers]
    holds = any(
        widths[start] >= n and all(one > other for one, other in pairwise(widths[start:]))
        for start in range(len(widths) - 1)
    )
    return on.judged(holds, "no layer as wide as the samples with decreasing widths behind it", samples=n)


def _first_then_decreasing(problem: Problem) -> Verdict:
    n = data_facts_of(problem).n
    if n is None:
        return on.unknown("the number of samples is unknown")
    widths = [layer.width for layer in problem.network.layers]
    holds = widths[0] >= 2 * n and len(widths) > 1 and all(one > other for one, other in pairwise(widths))
    return on.judged(holds, "the first layer is not twice as wide as the samples, or widths grow", samples=n)


def _least_width(factor: int) -> Callable[[Problem, int, int], bool]:
    return lambda problem, _width, n: min(problem.network.hidden_widths, default=0) >= factor * n


def _wide_then_narrowing(problem: Problem) -> Verdict:
    n = data_facts_of(problem).n
    if n is None:
        return on.unknown("the number of samples is unknown")
    widths = [layer.width for layer in problem.network.layers]
    holds = any(
        widths[start] >= n - 1 and all(one >= other for one, other in pairwise(widths[start + 1 :]))
        for start in range(len(widths) - 1)
    )
    return on.judged(holds, "no layer of n - 1 neurons with non-increasing widths behind it", samples=n)


def _skip_width(problem: Problem) -> Verdict:
    network, n = problem.network, data_facts_of(problem).n
    joined = {skip.source for skip in network.skips if skip.target == network.n_layers and skip.source > 0}
    neurons = sum(network.layers[index - 1].width for index in joined if index < network.n_layers)
    if n is None:
        return on.unknown("the number of samples is unknown", neurons_joined_to_output=neurons)
    return on.judged(neurons >= n, "too few neurons skip to the output", neurons_joined_to_output=neurons, samples=n)


def _feature_width(problem: Problem) -> Verdict:
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


def _output_signs(problem: Problem) -> FloatArray | None:
    frozen = problem.network.layers[-1].frozen_weights
    return None if frozen is None or len(frozen) != 1 else np.sign(frozen[0])


def _only_output_frozen(problem: Problem) -> Verdict:
    frozen = [layer.frozen_weights is not None for layer in problem.network.layers]
    return on.judged(frozen[-1] and not any(frozen[:-1]), "not exactly the output layer is fixed")


def _both_signs(problem: Problem) -> Verdict:
    signs, inputs = _output_signs(problem), on.inputs_of(problem)
    if signs is None or inputs is None:
        return on.judged(False if signs is None else None, "no fixed output weights, or no number of inputs")
    positive, negative = int(np.sum(signs > 0)), int(np.sum(signs < 0))
    holds = min(positive, negative) >= inputs
    return on.judged(holds, "too few output weights of a sign", positive=positive, negative=negative, inputs=inputs)


def _all_ones(problem: Problem) -> Verdict:
    frozen = problem.network.layers[-1].frozen_weights
    holds = frozen is not None and bool(np.all(frozen == 1.0))
    return on.judged(holds, "the output weights are not fixed at one")


def _as_wide_as_input(problem: Problem) -> Verdict:
    width, inputs = problem.network.hidden_widths[0] if problem.network.hidden_widths else 0, on.inputs_of(problem)
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN, width=width)
    return on.judged(width >= inputs, "fewer neurons than inputs", width=width, inputs=inputs)


def _parallel_width(problem: Problem, width: int, n: int) -> bool:
    return width > n * problem.network.outputs


RELU = on.activations("ReLU", frozenset({Activation.RELU}))
LEAKY = Hypothesis("leaky ReLU of positive slope", _leaky)
ONTO = Hypothesis("strictly increasing activations onto the real line", _onto)
QUADRATIC = on.activations("quadratic activation", frozenset({Activation.QUADRATIC}))
SIGMOIDAL = on.activations("sigmoid or tanh activation", frozenset({Activation.SIGMOID, Activation.TANH}))
ANALYTIC = on.activations("analytic increasing activations", SMOOTH_INCREASING)
HOMOGENEOUS = on.activations(
    "activations homogeneous of degree one", frozenset({Activation.RELU, Activation.LEAKY_RELU, Activation.LINEAR})
)
SMOOTH = on.activations("smooth activations", SMOOTH_INCREASING | {Activation.QUADRATIC})
INDEPENDENT = Hypothesis("linearly independent samples", _independent_samples)
DECREASING = Hypothesis("strictly decreasing widths", _decreasing)
WIDE_DECREASING = Hypothesis("a layer of n neurons, then strictly decreasing widths", _wide_then_decreasing)
WIDE_FIRST = Hypothesis("a first layer of 2n neurons, then strictly decreasing widths", _first_then_decreasing)
WIDE_NARROWING = Hypothesis("a layer of n - 1 neurons, then no growing widths", _wide_then_narrowing)
ALL_WIDE = width_against("every hidden layer of n neurons", "a hidden layer is narrower than n", _least_width(1))
ALL_TWICE = width_against("every hidden layer of 2n neurons", "a hidden layer is narrower than 2n", _least_width(2))
LAST_WIDE = width_against(
    "last hidden layer of n neurons", "the last hidden layer is narrower than n", lambda _, width, n: width >= n
)
ONE_MORE = width_against("n + 1 neurons", "fewer than n + 1 neurons", lambda _, width, n: width >= n + 1)
PARALLEL = width_against("more than n d_y neurons", "too few neurons", _parallel_width)
OVERPARAMETRISED = width_against(
    "as many first weights as samples",
    "fewer weights than samples",
    lambda problem, width, n: width * problem.data.inputs >= n,
)
SKIP_WIDTH = Hypothesis("n neurons joined to the output", _skip_width)
FEATURE_WIDTH = Hypothesis("as many neurons as the feature dimension", _feature_width)
OUTPUT_FIXED = Hypothesis("only the output layer fixed", _only_output_frozen)
BOTH_SIGNS = Hypothesis("d_x output weights of each sign", _both_signs)
ALL_ONES = Hypothesis("output weights fixed at one", _all_ones)
WIDE_AS_INPUT = Hypothesis("as many neurons as inputs", _as_wide_as_input)
CROSS_ENTROPY = Hypothesis(
    "cross-entropy",
    lambda problem: on.judged(problem.loss is Loss.CROSS_ENTROPY, "another loss", loss=problem.loss.value),
)
AT_A_POINT = undecidable("a posted point", "the statement is about one point; a problem states none")
TWO_POINTS = undecidable("two dropout-stable solutions", "the statement is about two points; a problem states none")
MINIMAL_WIDTHS = undecidable("known minimal widths of zero loss", "the least widths of zero loss are not known")
ADDED_SQUARES = unsaid("the squared norm of the input as a regressor", "no network here has this extra input")
CONVOLUTIONAL = unsaid("a convolutional network", "networks here are dense")
RANDOM_SLOPES = unsaid("multiplicative random slopes", "noise here multiplies outputs, not slopes")
POPULATION = undecidable("population loss on an interval", "samples and moments do not tell a density")
AFFINE_TARGET = undecidable("affine target function", "the target function between the samples is not known")

_DATA = samples(6, 3)
_TWO = samples(6, 3, 2)
_LEAKY = case((6, 1), _DATA, activation=Activation.LEAKY_RELU, slope=0.1, bias=Bias.ALL)
_RELU = case((6, 1), _DATA, activation=Activation.RELU, bias=Bias.ALL)
_TANH = case((6, 1), _DATA, activation=Activation.TANH, bias=Bias.ALL)
_DECAYED = case((7, 1), _DATA, activation=Activation.RELU, decay=0.1)
_FEW = samples(3, 3)
_ONTO_CASE = case((4, 3, 1), _FEW, activation=Activation.LEAKY_RELU, slope=0.1, bias=Bias.ALL)


def _quadratic(signs: FloatArray, data: Samples = _DATA) -> Problem:
    return case((signs.shape[1], 1), data, activation=Activation.QUADRATIC, frozen_output=signs)


_SIGNED = _quadratic(np.array([[1.0] * 3 + [-1.0] * 3]))
_ONES = _quadratic(np.ones((1, 3)))
_FIXED_SETTING = (on.LINEAR_OUTPUT, on.NO_NOISE, on.NO_SKIPS, OUTPUT_FIXED, on.UNWEIGHTED, on.NO_BIAS)
_DECAY_SETTING = (on.LINEAR_OUTPUT, on.NO_NOISE, on.NO_SKIPS, on.ALL_TRAINED, on.UNWEIGHTED, on.CONVEX_LOSS)

YU_CHEN = row(
    "R18",
    "As many sigmoids as samples: claimed to have no spurious minima",
    "Claimed: a network with one hidden layer of n sigmoids has no spurious local minima. Refuted by R37.",
    "Yu, Chen, IEEE Trans. Neural Networks 6 (1995)",
    TheoremStatus.SUPERSEDED,
    (*on.PLAIN, on.SQUARED_LOSS, on.ONE_HIDDEN, SIGMOIDAL, LAST_WIDE),
    _TANH,
    breaks={SIGMOIDAL: _RELU, LAST_WIDE: with_widths(_TANH, 5)},
    caution="widely cited, and false",
)
NGUYEN_HEIN = row(
    "R19",
    "Critical points of full rank behind a wide layer",
    "Behind a layer of n - 1 neurons with non-increasing widths, a critical point with W_{k+2}..W_L of full "
    "column rank "
    "and a non-degenerate Hessian there has zero loss.",
    "Nguyen, Hein, ICML 2017 (arXiv 1704.08045)",
    TheoremStatus.UNCONFIRMED,
    (
        *on.PLAIN,
        on.SQUARED_LOSS,
        on.SOME_HIDDEN,
        ANALYTIC,
        on.ALL_BIASED,
        on.DISTINCT_INPUTS,
        WIDE_NARROWING,
        AT_A_POINT,
    ),
    _TANH,
    breaks={ANALYTIC: _RELU, WIDE_NARROWING: with_widths(_TANH, 4)},
    exempt={**not_decidable(AT_A_POINT, "a condition on one point"), **implied_by(on.SOME_HIDDEN, WIDE_NARROWING)},
    caution="a statement about single points, not that every local minimum is global",
)
NGUYEN_HEIN_CNN = row(
    "R20",
    "The same for convolutional networks",
    "With a layer of n neurons generic parameters give features of rank n; critical points of full rank have "
    "zero loss.",
    "Nguyen, Hein, ICML 2018 (arXiv 1710.10928)",
    TheoremStatus.UNCONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.DISTINCT_INPUTS, LAST_WIDE, CONVOLUTIONAL),
    _TANH,
    breaks={LAST_WIDE: with_widths(_TANH, 5)},
    exempt=not_expressible(CONVOLUTIONAL, "layers are dense"),
)


def _with_output_skips() -> Problem:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6, 3))
    data = Samples(x, np.eye(2)[np.arange(6) % 2])
    base = case((6, 3, 2), data, activation=Activation.TANH, loss=Loss.CROSS_ENTROPY)
    return with_network(base, skips=(Skip(1, 3, SkipKind.TRAINABLE),))


_SKIPPED = _with_output_skips()
SKIPS = row(
    "R21",
    "n neurons joined to the output: no bad valleys",
    "If n neurons of any layers are joined to the output by trained weights, cross-entropy has a non-increasing path "
    "from everywhere to zero loss.",
    "Nguyen, Mukkamala, Hein, ICLR 2019 (arXiv 1809.10749)",
    TheoremStatus.UNCONFIRMED,
    (
        on.LINEAR_OUTPUT,
        on.NO_DECAY,
        on.NO_NOISE,
        on.ALL_TRAINED,
        CROSS_ENTROPY,
        ANALYTIC,
        on.DISTINCT_INPUTS,
        SKIP_WIDTH,
    ),
    _SKIPPED,
    breaks={
        CROSS_ENTROPY: with_loss(_SKIPPED, Loss.SQUARED),
        ANALYTIC: with_layer(_SKIPPED, 0, activation=Activation.RELU),
        SKIP_WIDTH: with_network(_SKIPPED, skips=()),
    },
    conclusions=follows(NSV),
    caution="does not say that local minima are global; the infimum is not attained",
)
_NGUYEN = (*on.PLAIN, on.UNWEIGHTED, on.CONVEX_LOSS, on.ALL_BIASED)
CONNECTED_ONTO = row(
    "R22a",
    "Independent samples, decreasing widths: connected sublevel sets",
    "For linearly independent samples, strictly increasing activations onto R and d_1 > d_2 > ... > d_L every sublevel "
    "set of a convex loss is connected, and every component is unbounded.",
    "Nguyen, ICML 2019 (arXiv 1901.07417), Theorem 3.2",
    TheoremStatus.CONFIRMED,
    (*_NGUYEN, ONTO, INDEPENDENT, DECREASING),
    _ONTO_CASE,
    breaks={
        ONTO: with_layer(_ONTO_CASE, 0, activation=Activation.RELU, slope=None),
        INDEPENDENT: on_data(_ONTO_CASE, _DATA),
        DECREASING: with_widths(_ONTO_CASE, 3, 3),
    },
    exempt=ALWAYS_CONVEX,
    conclusions=follows(CONNECTED),
    caution="ReLU, tanh and sigmoid do not map onto R",
)
VALLEYS_LEAKY = row(
    "R22b",
    "Leaky ReLU with one wide layer: no bad valleys",
    "For leaky ReLU, distinct samples and some d_k >= n with d_{k+1} > ... > d_L there is no spurious valley.",
    "Nguyen, ICML 2019 (arXiv 1901.07417), Theorem 4.2",
    TheoremStatus.CONFIRMED,
    (*_NGUYEN, LEAKY, on.DISTINCT_INPUTS, WIDE_DECREASING),
    _LEAKY,
    breaks={LEAKY: _RELU, WIDE_DECREASING: with_widths(_LEAKY, 5)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSV),
)
_LEAKY_TWICE = with_widths(_LEAKY, 12)
CONNECTED_LEAKY = row(
    "R22c",
    "Leaky ReLU with 2n first neurons: connected sublevel sets",
    "For leaky ReLU, distinct samples and d_1 >= 2n with d_2 > ... > d_L every sublevel set is connected.",
    "Nguyen, ICML 2019 (arXiv 1901.07417), Theorem 5.1",
    TheoremStatus.CONFIRMED,
    (*_NGUYEN, LEAKY, on.DISTINCT_INPUTS, WIDE_FIRST),
    _LEAKY_TWICE,
    breaks={LEAKY: with_widths(_RELU, 12), WIDE_FIRST: _LEAKY},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(CONNECTED),
    caution="n neurons are not enough",
)
VALLEYS_RELU = row(
    "R22d",
    "ReLU with all layers wide: no bad valleys",
    "For ReLU, distinct samples and every hidden layer of n neurons there is no spurious valley; with 2n neurons each, "
    "every sublevel set is connected.",
    "Nguyen, ICML 2019 (arXiv 1901.07417), Theorem 6.1",
    TheoremStatus.CONFIRMED,
    (*_NGUYEN, on.SOME_HIDDEN, RELU, on.DISTINCT_INPUTS, ALL_WIDE),
    _RELU,
    breaks={RELU: _TANH, ALL_WIDE: with_widths(_RELU, 5)},
    exempt={**ALWAYS_CONVEX, **implied_by(on.SOME_HIDDEN, ALL_WIDE)},
    conclusions=(*follows(NSV), *follows(CONNECTED, provided=(ALL_TWICE,))),
    caution="one wide layer is not enough for ReLU",
)
NO_BASINS = row(
    "R23",
    "A last hidden layer of n neurons: no bad basins",
    "For distinct samples, any continuous activation and d_H >= n a convex loss has no bounded set of points that lies "
    "strictly below its surroundings and above the infimum.",
    "Li, Ding, Sun, SIAM J. Optim. 2022 (arXiv 1812.11039)",
    TheoremStatus.CONFIRMED,
    (*on.PLAIN, on.UNWEIGHTED, on.CONVEX_LOSS, on.SOME_HIDDEN, on.DISTINCT_INPUTS, LAST_WIDE),
    _RELU,
    breaks={LAST_WIDE: with_widths(_RELU, 5)},
    exempt={**ALWAYS_CONVEX, **implied_by(on.SOME_HIDDEN, LAST_WIDE)},
    conclusions=follows(NSB),
    caution="flat bad minima remain possible, and nothing follows for gradient descent",
)
NO_VALLEYS = row(
    "R24",
    "As many neurons as the data have features: no bad valleys",
    "With one hidden layer and d_1 >= dim span {(s(w.x_i + b))_i}, at most the number of distinct inputs, a "
    "non-increasing path leads from everywhere to the infimum of a convex loss.",
    "Venturi, Bandeira, Bruna, JMLR 2019 (arXiv 1802.06384); derived",
    TheoremStatus.PROVED,
    (*on.PLAIN, on.UNWEIGHTED, on.CONVEX_LOSS, on.ONE_HIDDEN, FEATURE_WIDTH),
    _RELU,
    breaks={FEATURE_WIDTH: with_widths(_RELU, 2), on.ONE_HIDDEN: with_widths(_RELU, 6, 6)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSV),
    caution="spurious minima may exist all the same: a valley is no minimum",
)
SIGNED_SQUARES = row(
    "R25",
    "Quadratic neurons with fixed output weights of both signs",
    "f(x) = sum_j v_j (w_j.x)^2 with at least d_x fixed v_j of each sign: every local minimum is global, every saddle "
    "strict, and min J = min over symmetric M of E l(x'Mx, y).",
    "Soltanolkotabi, Javanmard, Lee, 2018 (arXiv 1707.04926), Theorem 2.1; derived",
    TheoremStatus.PROVED,
    (*_FIXED_SETTING, on.NO_DECAY, on.CONVEX_LOSS, on.ONE_HIDDEN, on.ONE_OUTPUT, QUADRATIC, BOTH_SIGNS),
    _SIGNED,
    breaks={
        OUTPUT_FIXED: with_layer(_SIGNED, 0, frozen_weights=np.ones((6, 3))),
        QUADRATIC: with_layer(_SIGNED, 0, activation=Activation.RELU),
        BOTH_SIGNS: _ONES,
        on.ONE_HIDDEN: with_layer(
            case((6, 6, 1), _DATA, activation=Activation.QUADRATIC, frozen_output=np.array([[1.0] * 3 + [-1.0] * 3])),
            0,
            width=6,
        ),
    },
    exempt={**ALWAYS_CONVEX, **implied_by(on.ONE_OUTPUT, BOTH_SIGNS)},
    conclusions=follows(NSM, STRICT),
    caution="output weights that are trained are not covered",
)
SQUARES = row(
    "R26",
    "Quadratic neurons with output weights one",
    "f(x) = sum_j (w_j.x)^2 with d_1 >= d_x: every local minimum is global and every saddle strict, with "
    "decay as well; "
    "min J = min over M >= 0 of E l(x'Mx, y) + g tr M.",
    "Du, Lee, ICML 2018 (arXiv 1803.01206); derived",
    TheoremStatus.PROVED,
    (*_FIXED_SETTING, on.CONVEX_LOSS, on.ONE_HIDDEN, on.ONE_OUTPUT, QUADRATIC, ALL_ONES, WIDE_AS_INPUT),
    _ONES,
    breaks={
        OUTPUT_FIXED: with_layer(_ONES, 0, frozen_weights=np.ones((3, 3))),
        QUADRATIC: with_layer(_ONES, 0, activation=Activation.RELU),
        ALL_ONES: with_layer(_ONES, 1, frozen_weights=np.array([[1.0, 1.0, -1.0]])),
        WIDE_AS_INPUT: _quadratic(np.ones((1, 2))),
        on.ONE_OUTPUT: case((3, 2), _TWO, activation=Activation.QUADRATIC, frozen_output=np.ones((2, 3))),
        on.ONE_HIDDEN: case((3, 3, 1), _DATA, activation=Activation.QUADRATIC, frozen_output=np.ones((1, 3))),
    },
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSM, STRICT),
    caution="the optimum over M >= 0 may be positive",
)
KAZEMIPOUR = row(
    "R27",
    "Quadratic networks with the norm as a regressor",
    "Spurious minima and saddles exist and are escaped with probability one.",
    "Kazemipour, Larsen, Druckmann, 2019 (arXiv 2001.00098)",
    TheoremStatus.UNCONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.ONE_HIDDEN, QUADRATIC, WIDE_AS_INPUT, ADDED_SQUARES),
    case((3, 1), _DATA, activation=Activation.QUADRATIC),
    breaks={
        QUADRATIC: case((3, 1), _DATA, activation=Activation.RELU),
        WIDE_AS_INPUT: case((2, 1), _DATA, activation=Activation.QUADRATIC),
    },
    exempt=not_expressible(ADDED_SQUARES, "inputs are used as they are"),
    caution="its first title claimed that no bad minima exist, the later one withdrew it",
)
PARALLEL_UNITS = row(
    "R28",
    "Decayed parallel units: more than n d_y leave no bad valley",
    "For a sum of d_1 units that are positively homogeneous of the degree of their decay (two layers of ReLU, "
    "leaky ReLU or "
    "linear units with L2 on both), a local minimum with an idle unit is global; if d_1 > n d_y there is no "
    "spurious valley.",
    "Haeffele, Vidal, 2015 (arXiv 1506.07540); derived",
    TheoremStatus.PROVED,
    (
        *_DECAY_SETTING,
        on.ONE_HIDDEN,
        HOMOGENEOUS,
        on.WEIGHTS_DECAYED,
        on.BIASES_DECAYED,
        on.NO_OUTPUT_BIAS,
        PARALLEL,
    ),
    _DECAYED,
    breaks={
        HOMOGENEOUS: with_layer(_DECAYED, 0, activation=Activation.TANH),
        PARALLEL: with_widths(_DECAYED, 6),
        on.ONE_HIDDEN: with_widths(_DECAYED, 7, 7),
    },
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSV),
    caution="n d_y units are not enough; decay of degree two does not fit three layers",
)
_PILANCI = (
    *_DECAY_SETTING,
    on.ONE_HIDDEN,
    on.ONE_OUTPUT,
    RELU,
    on.WEIGHTS_DECAYED,
    on.BIASES_DECAYED,
    on.NO_OUTPUT_BIAS,
    ONE_MORE,
)
_PILANCI_BREAKS = {
    RELU: with_layer(_DECAYED, 0, activation=Activation.TANH),
    ONE_MORE: with_widths(_DECAYED, 6),
    on.ONE_HIDDEN: with_widths(_DECAYED, 7, 7),
    on.ONE_OUTPUT: case((7, 2), _TWO, activation=Activation.RELU, decay=0.1),
}
CONVEX_RELU = row(
    "R29",
    "Two-layer ReLU networks as a convex programme",
    "With enough neurons, at most n + 1, min J equals a group lasso over the cones of the activation patterns "
    "of the data.",
    "Pilanci, Ergen, ICML 2020 (arXiv 2002.10553)",
    TheoremStatus.UNCONFIRMED,
    _PILANCI,
    _DECAYED,
    breaks=_PILANCI_BREAKS,
    exempt=ALWAYS_CONVEX,
    caution="a statement about values, not about local minima",
)
HIDDEN_CONVEX = row(
    "R30",
    "Stationary points are optima of subsampled convex programmes",
    "The Clarke stationary points of the two-layer ReLU network are the optima of convex programmes over "
    "subsets of the "
    "activation patterns; a wide enough network has a descending path from everywhere.",
    "Wang, Lacotte, Pilanci, 2020 (arXiv 2006.05900)",
    TheoremStatus.UNCONFIRMED,
    _PILANCI,
    _DECAYED,
    breaks=_PILANCI_BREAKS,
    exempt=ALWAYS_CONVEX,
    caution="the width it needs is not confirmed",
)
CONNECTED_OPTIMA = row(
    "R31",
    "n + 1 ReLU neurons: the global minima are connected",
    "For a two-layer ReLU network with decay and one output, the set of global minima is connected once d_1 >= n + 1.",
    "Kim, Mishkin, Pilanci, ICLR 2025 (arXiv 2411.07729)",
    TheoremStatus.CONFIRMED,
    _PILANCI,
    _DECAYED,
    breaks=_PILANCI_BREAKS,
    exempt=ALWAYS_CONVEX,
    caution="about the set of global minima, not about every sublevel set",
)
SIMSEK = row(
    "R32",
    "One extra neuron a layer joins all permuted minima",
    "If the network of least widths r has isolated minima of zero loss, unique up to permutation, one extra neuron in "
    "each layer connects all of them; wider networks have flat symmetric families of critical points.",
    "Simsek et al., ICML 2021 (arXiv 2105.12221)",
    TheoremStatus.CONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.SOME_HIDDEN, SMOOTH, MINIMAL_WIDTHS),
    _TANH,
    breaks={SMOOTH: _RELU, on.SOME_HIDDEN: case((1,), _DATA)},
    exempt=not_decidable(MINIMAL_WIDTHS, "the least widths of zero loss are not computed"),
)
DROPOUT_STABLE = row(
    "R33",
    "Dropout-stable solutions are joined",
    "Two solutions in which half of each layer can be dropped at a cost of eps are joined by a path that rises at most "
    "eps above the higher one.",
    "Kuditipudi et al., NeurIPS 2019 (arXiv 1906.06247)",
    TheoremStatus.UNCONFIRMED,
    (*on.PLAIN, on.SOME_HIDDEN, TWO_POINTS),
    _RELU,
    breaks={on.SOME_HIDDEN: case((1,), _DATA)},
    exempt=not_decidable(TWO_POINTS, "a condition on two points"),
)
SOUDRY_CARMON = row(
    "R52",
    "Leaky units with random slopes: differentiable minima have no error",
    "With d_0 d_1 >= n and multiplicative random slopes, local minima at differentiable points have zero error almost "
    "surely.",
    "Soudry, Carmon, 2016 (arXiv 1605.08361)",
    TheoremStatus.UNCONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.ONE_HIDDEN, on.ONE_OUTPUT, LEAKY, OVERPARAMETRISED, RANDOM_SLOPES),
    _LEAKY,
    breaks={
        LEAKY: _RELU,
        on.ONE_HIDDEN: with_widths(_LEAKY, 6, 6),
        on.ONE_OUTPUT: on_data(with_layer(_LEAKY, 1, width=2), _TWO),
        OVERPARAMETRISED: with_widths(_LEAKY, 1),
    },
    exempt=not_expressible(RANDOM_SLOPES, "slopes are fixed"),
    caution="nothing about kinks",
)
CHERIDITO = row(
    "R41",
    "Affine targets on an interval: bad minima are dead",
    "For one ReLU layer, one input, one output, an affine target and the population loss, every local minimum that is "
    "not global consists of dead neurons; leaky and quadratic units have none.",
    "Cheridito, Jentzen, Rossmannek, 2022",
    TheoremStatus.CONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.ONE_HIDDEN, on.ONE_OUTPUT, RELU, on.ALL_BIASED, POPULATION, AFFINE_TARGET),
    _RELU,
    breaks={RELU: _TANH, on.ONE_OUTPUT: on_data(with_layer(_RELU, 1, width=2), _TWO)},
    exempt={
        **not_decidable(POPULATION, "data are samples or moments"),
        **not_decidable(AFFINE_TARGET, "data are samples or moments"),
    },
)

THEOREMS: Final = (
    YU_CHEN,
    NGUYEN_HEIN,
    NGUYEN_HEIN_CNN,
    SKIPS,
    CONNECTED_ONTO,
    VALLEYS_LEAKY,
    CONNECTED_LEAKY,
    VALLEYS_RELU,
    NO_BASINS,
    NO_VALLEYS,
    SIGNED_SQUARES,
    SQUARES,
    KAZEMIPOUR,
    PARALLEL_UNITS,
    CONVEX_RELU,
    HIDDEN_CONVEX,
    CONNECTED_OPTIMA,
    SIMSEK,
    DROPOUT_STABLE,
    SOUDRY_CARMON,
    CHERIDITO,
)
