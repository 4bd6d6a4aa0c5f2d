"""Units whose scale is free: along their rescaling the loss is constant, so that no bounded basin exists."""

from itertools import pairwise
from typing import Final

from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import PROOFS, case, follows, row, samples, with_decay
from service.vocabulary import Activation, Property, TheoremStatus

HOMOGENEOUS: Final = frozenset(
    {Activation.RELU, Activation.LEAKY_RELU, Activation.LINEAR, Activation.QUADRATIC},
)


def free_layers(problem: Problem) -> tuple[int, ...]:
    """Hidden layers (0-based) of homogeneous units that nothing keeps from being rescaled.

    What leads into them and out of them is trained without decay, and no skip starts or ends there.
    """
    network = problem.network
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    touched = {place for skip in network.skips for place in (skip.source, skip.target)}
    return tuple(
        index
        for index, (layer, following) in enumerate(pairwise(network.layers))
        if layer.activation in HOMOGENEOUS
        and layer.frozen_weights is None
        and following.frozen_weights is None
        and layer.weight_decay == following.weight_decay == 0.0
        and not (network.has_bias(index) and decays[index] > 0.0)
        and index + 1 not in touched
    )


def _free_scale(problem: Problem) -> Judgement:
    found = free_layers(problem)
    reason = "no hidden layer of homogeneous units without decay, frozen weights or skips before and behind it"
    return on.judged(bool(found), reason, free_layers=len(found))


FREE_SCALE = Hypothesis("a layer of homogeneous units of free scale", _free_scale)
_RELU = case((3, 1), samples(8, 2), activation=Activation.RELU)

NO_BOUNDED_BASIN = row(
    "R53",
    "Units of free scale: no bad basins and no strict minima",
    "If s(c z) = c^p s(z) for c > 0 in a hidden layer whose weights, biases and outgoing weights are trained without "
    "decay, then every network lies on an unbounded curve of equal loss: (c w, c b, v / c^p) for a unit, or a feature "
    "map, that is not zero, any v for one that is. No bounded set lies strictly below its surroundings, for any data, "
    "loss and noise.",
    "derived",
    TheoremStatus.PROVED,
    (FREE_SCALE,),
    _RELU,
    breaks={FREE_SCALE: with_decay(_RELU, 0.1)},
    conclusions=follows(Property.NO_BAD_BASINS),
    caution="flat bad minima are possible, and valleys that run to infinity as well",
    page=PROOFS,
    shared_kernels=True,
)

THEOREMS: Final = (NO_BOUNDED_BASIN,)
