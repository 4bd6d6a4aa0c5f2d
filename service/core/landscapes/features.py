"""How many neurons a hidden layer needs to span every function on the data that its activation can make."""

from dataclasses import dataclass
from math import comb

import numpy as np

from service.core.data_facts.facts import data_facts_of
from service.core.ground.problems import Problem
from service.core.losses.nonlinear import apply
from service.vocabulary import Activation

LOWER_TOLERANCE = 1e-6
"""Relative size above which a singular value of random features surely counts; smaller ones may be rounding."""

_PROBED = 400


@dataclass(frozen=True, slots=True)
class FeatureDimension:
    """Bounds on ``dim span { (s(w.x_i + b))_i }``."""

    lower: int
    upper: int


def feature_dimension_of(problem: Problem, needed: int) -> FeatureDimension | None:
    """Bounds on the feature dimension of the first layer; ``None`` if the distinct inputs are not known.

    Parameters
    ----------
    problem : Problem
    needed : int
        The width in question: the lower bound is only computed where it can decide.
    """
    facts = data_facts_of(problem)
    if facts.distinct is None or facts.moments is None or facts.groups is None:
        return None
    upper = min(facts.distinct, _polynomial_bound(problem, facts.moments.inputs))
    if problem.network.has_bias(problem.network.n_layers - 1):
        upper = min(upper, facts.distinct)
    if needed >= upper:
        return FeatureDimension(0, upper)
    lower = problem.once(f"landscapes.features.{needed}", lambda: _probe(problem, needed))
    return FeatureDimension(lower, upper)


def _polynomial_bound(problem: Problem, inputs: int) -> int:
    layer = problem.network.layers[0]
    extra = int(problem.network.has_bias(0) or problem.network.has_bias(problem.network.n_layers - 1))
    if layer.activation is Activation.LINEAR or layer.slope == 1.0:
        rank = data_facts_of(problem).rank_x
        return (inputs if rank is None else rank) + extra
    if layer.activation is Activation.QUADRATIC:
        return comb(inputs + 2, 2) if problem.network.has_bias(0) else comb(inputs + 1, 2) + extra
    return 2**31 - 1


def _probe(problem: Problem, needed: int) -> int:
    """Rank of random features on some of the inputs: never more than the true dimension."""
    groups = data_facts_of(problem).groups
    layer = problem.network.layers[0]
    if groups is None or needed >= _PROBED:
        return 0
    count = min(len(groups.x), needed + 20)
    x = groups.x[:count]
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(x.shape[1], 2 * count)) / (1e-300 + np.sqrt(np.mean(x * x) * x.shape[1]))
    offsets = rng.normal(size=2 * count) if problem.network.has_bias(0) else 0.0
    values = np.linalg.svd(apply(layer, x @ weights + offsets), compute_uv=False)
    return int(np.count_nonzero(values > LOWER_TOLERANCE * values[0]))
