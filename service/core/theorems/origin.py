"""Linear and nonlinear networks with weight decay: what the origin is."""

from math import sqrt
from typing import Final

import numpy as np

from service.core.data_facts.facts import data_facts_of
from service.core.ground.numbers.exceeding import exceeds
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Fact, Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    excludes,
    follows,
    row,
    with_decay,
    with_layer,
    with_loss,
    with_network,
)
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.decayed_conditions import DEEP, SHALLOW, SPURIOUS, TRAINED
from service.core.landscapes.networks.below_origin import VANISHING, below_origin_of
from service.vocabulary import Activation, Loss, Property, TheoremStatus


def _order_of_origin(problem: Problem) -> Judgement:
    noisy = on.NO_NOISE.check(problem).holds is False
    tame = on.LINEAR.check(problem).holds is True and problem.loss is Loss.SQUARED
    return on.judged(not noisy or tame, "there is noise, and the network is not linear under squared loss", noise=noisy)


def _below_origin(problem: Problem) -> Judgement:
    found = below_origin_of(problem)
    if found is None:
        return on.unknown("no network below the origin was constructed")
    numbers: dict[str, Fact] = {"loss_at_zero": found.at_zero, "loss_found": found.found}
    return on.judged(True, "", **numbers) if found.improves else on.unknown("no better network was found", **numbers)


def _origin_kept(problem: Problem) -> Judgement:
    facts = data_facts_of(problem)
    if facts.pull_at_zero is None:
        return on.unknown("without data the pull on the zero map is unknown")
    decays = problem.network.weight_decays
    threshold = sqrt(float(decays[0])) * sqrt(float(decays[-1]))
    numbers: dict[str, Fact] = {"threshold": threshold, "largest_singular_value_of_xy": facts.pull_at_zero}
    return on.judged(not exceeds(facts.pull_at_zero, threshold), "the decay is below the threshold", **numbers)


ORIGIN_BOUNDED = Hypothesis("no noise, or a linear network under squared loss", _order_of_origin)
VANISHES_AT_ZERO = on.activations("hidden activations that vanish at zero", VANISHING)
BELOW_ORIGIN = Hypothesis("a network below the origin", _below_origin)
ORIGIN_KEPT = Hypothesis("decay above the threshold of the origin", _origin_kept)
_UNCORRELATED = Samples(np.vstack([np.eye(3), -np.eye(3)]), np.ones((6, 2)))
BAD_ORIGIN = row(
    "R14",
    "Deep networks with decay: the origin is a strict local minimum",
    "With H >= 2 hidden layers, f(x) = O(||theta||^(H+1)) while the decay is of order two: the origin is a "
    "strict local "
    "minimum with Hessian diag(2 g_l). It is bad if and only if some network has a smaller loss.",
    "Ziyin, Li, Meng, NeurIPS 2022 (arXiv 2202.04777) for linear networks; activations and losses: derived",
    TheoremStatus.PROVED,
    (*TRAINED, on.SEVERAL_HIDDEN, on.NO_BIAS, on.WEIGHTS_DECAYED, VANISHES_AT_ZERO, ORIGIN_BOUNDED),
    DEEP,
    breaks={
        on.SEVERAL_HIDDEN: SHALLOW,
        VANISHES_AT_ZERO: with_layer(DEEP, 0, activation=Activation.SIGMOID),
        ORIGIN_BOUNDED: with_network(with_loss(DEEP, Loss.LOGISTIC), input_noise_variance=0.1),
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
        *TRAINED,
        on.ONE_HIDDEN,
        on.SQUARED_LOSS,
        on.NO_BIAS,
        on.WEIGHTS_DECAYED,
        ORIGIN_KEPT,
    ),
    with_decay(SHALLOW, 9.0),
    breaks={
        on.SQUARED_LOSS: with_loss(with_decay(SHALLOW, 9.0), Loss.LOGISTIC),
        on.ONE_HIDDEN: with_decay(DEEP, 9.0),
        ORIGIN_KEPT: SHALLOW,
        on.WEIGHTS_DECAYED: with_layer(on_data(SHALLOW, _UNCORRELATED), 0, weight_decay=0.0),
    },
    conclusions=follows(Property.MINIMUM_ATTAINED),
    caution="in objectives with a factor one half the threshold is halved with them",
)

THEOREMS: Final = (
    BAD_ORIGIN,
    KEPT_ORIGIN,
)
