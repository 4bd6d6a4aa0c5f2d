"""At every closed-form threshold and a few units in the last place beside it, all parts of an answer agree."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np
import pytest

from service.core.asked.landscape import summarise
from service.core.asked.many.independent import solve_many
from service.core.asked.sweeps.points import sweep_of
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.exceeding import exceeds
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.results import Minima
from service.core.landscapes.origin import origin_by_rules
from service.core.models.linear_vae import LinearVae, solve_vae
from service.core.models.unconstrained_features import feature_problem, geometry_of
from service.core.theorems.origin import ORIGIN_KEPT
from service.vocabulary import Bias, PointClass, Status, SweepParameter
from tests.support import outputs_instances as families

ULPS = range(-2, 3)


def scalar(rng: np.random.Generator, n_hidden: int, noise: float, bias: Bias) -> Problem:
    inputs = int(rng.integers(1, 5))
    x = rng.standard_normal((20, inputs)) + float(bias is not Bias.NONE)
    y = x @ rng.standard_normal((inputs, 1)) + 0.3 * rng.standard_normal((20, 1))
    hidden = (
        Layer(int(rng.integers(1, 4)), weight_decay=float(rng.uniform(0.05, 0.5)), noise_variance=noise)
        for _ in range(n_hidden)
    )
    layers = (*hidden, Layer(1, weight_decay=float(rng.uniform(0.05, 0.5))))
    return Problem(Network(layers, 0.0, bias, (0.0,) * (n_hidden + 1)), moments_of(x, y))


def counts_of(rng: np.random.Generator) -> list[int]:
    size = int(rng.integers(2, 5))
    return [20] * size if rng.integers(2) else [int(count) for count in rng.integers(5, 40, size)]


def features(rng: np.random.Generator, n_layers: int, bias: Bias) -> Problem:
    counts = counts_of(rng)
    widths = [8] * (n_layers - 2) + [len(counts)]
    head = tuple(Layer(width, weight_decay=float(rng.uniform(0.01, 0.1))) for width in widths)
    return feature_problem(
        counts, 8, float(rng.uniform(0.001, 0.01)), 0.0, Network(head, 0.0, bias, (0.0,) * len(head))
    )


def white(rng: np.random.Generator, n_layers: int, noise: float = 0.0) -> Problem:
    shape = families.random_shape(rng, n_layers)
    noises = [noise] * (n_layers - 1) if noise else []
    network = families.network_of(shape, families.random_decays(rng, n_layers), noises)
    return Problem(network, families.white_moments(rng, shape))


Draw: TypeAlias = Callable[[np.random.Generator], Problem]

DRAWS: dict[str, Draw] = {
    **{
        f"scalar, {n_hidden} hidden, noise {noise}, bias {bias.value}": partial(
            scalar, n_hidden=n_hidden, noise=noise, bias=bias
        )
        for n_hidden in (1, 2, 3)
        for noise, bias in ((0.0, Bias.NONE), (0.3, Bias.OUTPUT))
    },
    **{
        f"features, {n_layers} layers, bias {bias.value}": partial(features, n_layers=n_layers, bias=bias)
        for n_layers in (2, 3)
        for bias in (Bias.NONE, Bias.OUTPUT)
    },
    **{f"white, {n_layers} layers": partial(white, n_layers=n_layers) for n_layers in (2, 3, 4)},
    "dropout": lambda rng: white(rng, 2, float(rng.uniform(0.05, 1.5))),
    "autoencoder": families.autoencoder,
    "nuclear norm": families.two_layers_decayed,
}


def scaled(problem: Problem, factor: float) -> Problem:
    """All decays times a factor."""
    layers = tuple(replace(layer, weight_decay=layer.weight_decay * factor) for layer in problem.network.layers)
    return replace(problem, network=replace(problem.network, layers=layers))


def beside(value: float, steps: int) -> float:
    """The number some units in the last place away."""
    for _ in range(abs(steps)):
        value = float(np.nextafter(value, np.inf * steps))
    return value


def critical_scales(minima: Minima) -> list[float]:
    found = minima.solution.thresholds
    scales = {transition.decay_scale for transition in found.transitions}
    scales |= {scale for scale in (found.critical_decay_scale, found.metastable_up_to_decay_scale) if scale}
    return sorted(scales)


def assert_agreeing(problem: Problem, minima: Minima) -> None:
    """Rank, map, singular values, triviality, origin and list of stationary points say the same."""
    solution, minimum = minima.solution, minima.solution.minimum
    moments = problem.data
    unit = float(np.linalg.norm(np.linalg.pinv(moments.xx, hermitian=True) @ moments.xy, 2))
    values = np.linalg.svd(minimum.end_to_end_map, compute_uv=False)
    assert minima.status is not Status.BOUNDED
    assert minimum.rank == np.count_nonzero(minimum.singular_values) == np.count_nonzero(values > 1e-14 * unit)
    assert minimum.trivial == (minimum.rank == 0) == (not np.any(minimum.end_to_end_map))
    assert minimum.trivial == (solution.origin.point_class is PointClass.GLOBAL_MINIMUM)
    best = [point for point in solution.stationary_points if point.point_class is PointClass.GLOBAL_MINIMUM]
    rounding = 1e-12 * max(moments.yy, abs(minimum.loss))
    assert all(abs(point.loss - minimum.loss) <= rounding for point in best)
    assert min(abs(point.norm - float(np.linalg.norm(values))) for point in best) <= 1e-9 * unit
    assert all(point.loss >= minimum.loss - rounding for point in solution.stationary_points)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=list(DRAWS))
def test_answers_agree_with_themselves_beside_thresholds(draw: Draw) -> None:
    crossed = 0
    for seed in range(2):
        problem = draw(np.random.default_rng(seed))
        for scale in critical_scales(solve(problem)):
            for steps in ULPS:
                near = scaled(problem, beside(scale, steps))
                assert_agreeing(near, solve(near))
                crossed += 1
    assert crossed >= 10


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT])
def test_classes_are_learned_as_rank_and_map_say(bias: Bias) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        counts = counts_of(np.random.default_rng(seed))
        problem = features(rng, 2, bias)
        for scale in critical_scales(solve(problem)):
            # beyond rounding a lane of any size is one that counts
            for factor in (*(beside(scale, steps) for steps in ULPS), scale * (1.0 - 1e-9), scale * (1.0 + 1e-9)):
                near = scaled(problem, factor)
                minimum = solve(near).solution.minimum
                geometry = geometry_of(near, counts, minimum)
                learned = sum(item.learned for item in geometry.classes)
                assert (learned == 0) == minimum.trivial == (geometry.kind == "collapsed")
                if bias is Bias.NONE:
                    assert learned == minimum.rank
                for item, column in zip(geometry.classes, minimum.end_to_end_map.T, strict=True):
                    assert item.learned == bool(np.linalg.norm(column) > 1e-14)


def test_latents_of_an_autoencoder_at_their_threshold_have_collapsed() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4)) * np.array([2.0, 1.5, 1.0, 0.7])
    moments = moments_of(x, x)
    betas = solve_vae(LinearVae(3, 1.0, 0.5), moments).collapse_betas
    for latent, beta in enumerate(betas):
        for steps in ULPS:
            found = solve_vae(LinearVae(3, beside(beta, steps), 0.5), moments)
            assert sum(found.active) == latent
            assert np.count_nonzero(np.linalg.norm(found.decoder, axis=0)) == latent
            assert np.count_nonzero(np.linalg.norm(found.encoder, axis=1)) == latent


def test_sweeps_and_columns_turn_where_single_answers_do() -> None:
    for seed in range(3):
        problem = scalar(np.random.default_rng(seed), 1, 0.0, Bias.NONE)
        critical = solve(problem).solution.thresholds.critical_decay_scale
        assert critical is not None
        factors = np.array([*(beside(critical, steps) for steps in ULPS), critical * (1 - 1e-9), critical * (1 + 1e-9)])
        single = [solve(scaled(problem, factor)).solution.minimum.trivial for factor in factors.tolist()]
        assert single == [True] * 5 + [False, True]
        assert sweep_of(problem, SweepParameter.DECAY_SCALE, factors).trivial.tolist() == single
        assert solve_many([scaled(problem, factor) for factor in factors.tolist()]).trivial.tolist() == single


def test_rounding_of_a_threshold_is_relative_to_it() -> None:
    for size in (1e-200, 1.0, 1e200):
        assert not exceeds(beside(size, 5), size)
        assert exceeds(size * (1.0 + 1e-11), size)
        assert not exceeds(size, size)


def test_theorems_and_solver_give_the_zero_network_one_class() -> None:
    for seed in range(4):
        problem = white(np.random.default_rng(seed), 2)
        for scale in critical_scales(solve(problem)):
            for steps in ULPS:
                near = scaled(problem, beside(scale, steps))
                found = summarise(near)
                assert origin_by_rules(near).point_class is found.origin.point_class
                judged = ORIGIN_KEPT.check(near).holds
                assert judged == (found.origin.point_class is PointClass.GLOBAL_MINIMUM)
