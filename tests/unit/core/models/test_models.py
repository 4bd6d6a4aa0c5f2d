"""Unconstrained features and the linear variational autoencoder: searches on their own objectives, and thresholds."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.models.linear_vae import LinearVae, solve_vae
from service.core.models.unconstrained_features import feature_problem, geometry_of
from service.errors import InputError
from service.vocabulary import Bias
from tests.support.outputs_instances import Shape, random_moments
from tests.support.searched_models import autoencoders, free_features


def test_features_are_not_beaten_on_the_objective_with_one_feature_a_sample() -> None:
    tally = free_features(4)
    assert tally.statuses == {"exact": 4}
    assert tally.worst_own <= 1e-10
    assert tally.closed == 4


def test_autoencoders_are_not_beaten_on_the_evidence_bound_as_defined() -> None:
    tally = autoencoders(4)
    assert tally.statuses == {"exact": 4}
    assert tally.worst_own <= 1e-10
    assert tally.closed == 4


def scaled(problem: Problem, factor: float) -> Problem:
    layers = tuple(replace(layer, weight_decay=factor * layer.weight_decay) for layer in problem.network.layers)
    return replace(problem, network=replace(problem.network, layers=layers))


@pytest.mark.parametrize("seed", range(8))
def test_each_class_is_lost_at_its_own_decay_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = tuple(int(count) for count in rng.integers(1, 9, int(rng.integers(2, 5))))
    widths = [int(width) for width in rng.integers(2, 4, seed % 2)] + [len(counts)]
    layers = tuple(Layer(width, weight_decay=float(rng.uniform(0.005, 0.05))) for width in widths)
    head = Network(layers, bias=Bias.OUTPUT if seed % 3 == 0 else Bias.NONE, bias_weight_decays=(0.0,) * len(layers))
    problem = feature_problem(counts, 4, float(rng.uniform(0.002, 0.02)), 0.0, head)
    tried = 0
    for index, item in enumerate(geometry_of(problem, counts, solve(problem).solution.minimum).classes):
        if item.collapse_decay_scale is None:
            assert not item.learned
            continue
        tried += 1
        for factor, learned in ((1 - 1e-6, True), (1 + 1e-6, False)):
            there = scaled(problem, item.collapse_decay_scale * factor)
            assert geometry_of(there, counts, solve(there).solution.minimum).classes[index].learned is learned
    assert tried > 0


@pytest.mark.parametrize("seed", range(4))
def test_each_latent_collapses_at_its_own_beta(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moments = random_moments(rng, Shape(3, (), 3))
    model = LinearVae(3, 0.7, float(rng.uniform(0.1, 0.6)), float(rng.uniform(0.5, 2.0)))
    for index, beta in enumerate(solve_vae(model, moments).collapse_betas):
        for factor, active in ((1 - 1e-9, True), (1 + 1e-9, False)):
            assert solve_vae(replace(model, beta=beta * factor), moments).active[index] is active


def test_vae_without_anything_left_over_has_no_best_variance() -> None:
    moments = Moments(np.eye(2), np.eye(2), 2.0)
    with pytest.raises(InputError, match="explain the targets completely"):
        solve_vae(LinearVae(2, 0.5, None), moments)
