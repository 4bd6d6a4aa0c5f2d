"""The class of the origin where no solver gives it, from order, threshold and decay alone.

Near the origin a linear network without biases has ``J - J(0) = -2 <S, W_L...W_1> + decay + higher order``, with S the
pull of the data on a linear map; for L >= 3 the product is of higher order than the decay of two layers.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from service.core.data_facts.facts import data_facts_of
from service.core.ground.numbers.exceeding import exceeds
from service.core.ground.problems import Problem
from service.core.landscapes import hypotheses
from service.core.landscapes.networks.below_origin import VANISHING, below_origin_of
from service.core.landscapes.rectified_pull import rectified_pull
from service.vocabulary import Activation, Loss, PointClass


@dataclass(frozen=True, slots=True)
class OriginByRules:
    """Class of the origin with the rules behind it, or why it is unknown.

    Attributes
    ----------
    point_class : PointClass or None
    because : tuple of str
        Ids of theorems.
    reason : str
        Why the class is unknown; empty where it is known.
    least_hessian_eigenvalue : float or None
        In the core's convention, where it is known.
    """

    point_class: PointClass | None
    because: tuple[str, ...]
    reason: str
    least_hessian_eigenvalue: float | None = None


def origin_by_rules(problem: Problem) -> OriginByRules:
    """Class of the origin of a network that no solver covers."""
    network = problem.network
    plain = hypotheses.NO_SKIPS.check(problem).holds and hypotheses.ALL_TRAINED.check(problem).holds
    if not plain:
        return OriginByRules(None, (), "skips or frozen layers: the origin is not examined")
    if any(layer.convolution is not None for layer in network.layers):
        return OriginByRules(None, (), "layers of shared kernels: the origin is not examined")
    if network.bias_layers:
        return OriginByRules(None, (), "biases: the origin is examined for networks without them only")
    if hypotheses.LINEAR.check(problem).holds is True:
        return _linear(problem)
    return _nonlinear(problem)


def _nonlinear(problem: Problem) -> OriginByRules:
    network = problem.network
    vanishing = all(layer.activation in VANISHING for layer in hypotheses.hidden_of(problem))
    decayed = bool(network.weight_decays.all())
    noiseless = hypotheses.NO_NOISE.check(problem).holds is True
    if vanishing and decayed and noiseless and network.n_hidden >= 2:
        return _strict_minimum(problem)
    if network.n_hidden == 1 and decayed and noiseless and _is_rectified(problem):
        return _rectified(problem)
    return OriginByRules(None, (), "no rule covers the origin of this network")


def _is_rectified(problem: Problem) -> bool:
    first, last = problem.network.layers
    rectified = first.activation in (Activation.RELU, Activation.LEAKY_RELU)
    return rectified and last.activation is Activation.LINEAR and hypotheses.CONVEX_LOSS.check(problem).holds is True


def _rectified(problem: Problem) -> OriginByRules:
    """Without units, or with one along the strongest pull; the Hessian does not exist at so many kinks."""
    pull = rectified_pull(problem)
    if pull is not None and pull.bound <= pull.threshold:
        return OriginByRules(PointClass.GLOBAL_MINIMUM, ("R14c",), "")
    if pull is not None and pull.value > pull.threshold:
        return OriginByRules(PointClass.STRICT_SADDLE, ("R14c",), "")
    return OriginByRules(None, (), "the pull on a unit is not known closely enough")


def _strict_minimum(problem: Problem) -> OriginByRules:
    least = 2.0 * float(problem.network.weight_decays.min())
    found = below_origin_of(problem)
    if found is not None and found.improves:
        return OriginByRules(PointClass.LOCAL_MINIMUM, ("R14",), "", least)
    reason = "a strict local minimum by R14; whether it is global is not decided"
    return OriginByRules(None, ("R14",), reason, least)


def _linear(problem: Problem) -> OriginByRules:
    noisy = hypotheses.NO_NOISE.check(problem).holds is False
    if noisy and problem.loss is not Loss.SQUARED:
        return OriginByRules(None, (), "noise under a loss that is not squared")
    pull = data_facts_of(problem).pull_at_zero
    if pull is None:
        return OriginByRules(None, (), "the gradient of the data term at the origin is unknown")
    if pull == 0.0:
        # the data term is convex in the map and stationary at zero
        return OriginByRules(PointClass.GLOBAL_MINIMUM, (), "")
    return _pulled(problem, pull)


def _pulled(problem: Problem, pull: float) -> OriginByRules:
    network = problem.network
    if network.n_hidden == 0:
        return OriginByRules(PointClass.NOT_STATIONARY, ("R00",), "")
    if network.n_hidden == 1:
        return _two_layers(network.weight_decays.tolist(), pull)
    decayed = int(np.count_nonzero(network.weight_decays))
    if decayed <= 1:
        return OriginByRules(PointClass.NON_STRICT_SADDLE, ("R08c",) if decayed == 0 else (), "", 0.0)
    if decayed < network.n_layers:
        # the free layers grow until the decay of the others no longer counts
        return OriginByRules(PointClass.LOCAL_MINIMUM, (), "", 0.0)
    return _strict_minimum(problem)


def _two_layers(decays: list[float], pull: float) -> OriginByRules:
    least = sum(decays) - float(np.hypot(decays[0] - decays[1], 2.0 * pull))
    if not exceeds(pull, sqrt(decays[0]) * sqrt(decays[1])):
        return OriginByRules(PointClass.GLOBAL_MINIMUM, ("R14b",), "", max(least, 0.0))
    return OriginByRules(PointClass.STRICT_SADDLE, ("R14b",) if all(decays) else ("R08b",), "", least)
