"""Wide networks without bad valleys or basins."""

from typing import Final

import numpy as np

from service.core.data_facts.facts import data_facts_of
from service.core.ground.problems import Problem, Samples, Skip
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    ALWAYS_CONVEX,
    case,
    follows,
    implied_by,
    row,
    with_layer,
    with_loss,
    with_network,
    with_widths,
)
from service.core.landscapes.wide_conditions import ANALYTIC, FEATURE_WIDTH, LAST_WIDE, NSV, RELU_CASE
from service.vocabulary import Activation, Loss, Property, SkipKind, TheoremStatus

NSB: Final = Property.NO_BAD_BASINS


def _skip_width(problem: Problem) -> Judgement:
    network, n = problem.network, data_facts_of(problem).n
    joined = {skip.source for skip in network.skips if skip.target == network.n_layers and skip.source > 0}
    neurons = sum(network.layers[index - 1].width for index in joined if index < network.n_layers)
    if n is None:
        return on.unknown("the number of samples is unknown", neurons_joined_to_output=neurons)
    return on.judged(neurons >= n, "too few neurons skip to the output", neurons_joined_to_output=neurons, samples=n)


SKIP_WIDTH = Hypothesis("n neurons joined to the output", _skip_width)
CROSS_ENTROPY = Hypothesis(
    "cross-entropy",
    lambda problem: on.judged(problem.loss is Loss.CROSS_ENTROPY, "another loss", loss=problem.loss.value),
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
NO_BASINS = row(
    "R23",
    "A last hidden layer of n neurons: no bad basins",
    "For distinct samples, any continuous activation and d_H >= n a convex loss has no bounded set of points that lies "
    "strictly below its surroundings and above the infimum.",
    "Li, Ding, Sun, SIAM J. Optim. 2022 (arXiv 1812.11039)",
    TheoremStatus.CONFIRMED,
    (*on.PLAIN, on.CONVEX_LOSS, on.SOME_HIDDEN, on.DISTINCT_INPUTS, LAST_WIDE),
    RELU_CASE,
    breaks={LAST_WIDE: with_widths(RELU_CASE, 5)},
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
    (*on.PLAIN, on.CONVEX_LOSS, on.ONE_HIDDEN, FEATURE_WIDTH),
    RELU_CASE,
    breaks={FEATURE_WIDTH: with_widths(RELU_CASE, 2), on.ONE_HIDDEN: with_widths(RELU_CASE, 6, 6)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(NSV),
    caution="spurious minima may exist all the same: a valley is not a minimum",
)

THEOREMS: Final = (
    SKIPS,
    NO_BASINS,
    NO_VALLEYS,
)
