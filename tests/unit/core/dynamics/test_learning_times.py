"""When each direction is learned: by hand, and against the flow itself."""

from dataclasses import replace
from math import log

import numpy as np
import pytest

from service.core.dynamics.learning_times import learned_modes, why_not
from service.core.ground.problems import Layer, Moments, Network, Problem, Skip
from service.vocabulary import Activation, Bias, Loss, SkipKind
from tests.support.learning_times import aligned_start, instance, random_start, times_of_flow


def one_number(layers: int, decay: float = 0.0) -> Problem:
    return Problem(Network((Layer(1, weight_decay=decay),) * layers), Moments(np.eye(1), np.array([[2.0]]), 5.0))


def test_one_and_two_layers_by_hand() -> None:
    (mode,) = learned_modes(one_number(1), [np.zeros((1, 1))])
    # w' = 2 (2 - w)
    assert mode.half_time == pytest.approx(0.5 * log(2.0))
    assert mode.plateau == pytest.approx(0.5 * log(1.0 / 0.9))
    (mode,) = learned_modes(one_number(2, 0.5), [np.full((1, 1), 0.1)] * 2)
    # m' = 4 m (2 - 0.5 - m), from 0.01
    assert mode.limit == pytest.approx(1.5)
    assert mode.half_time == pytest.approx(log(150.0 - 1.0) / 6.0)
    assert mode.plateau == pytest.approx(log((150.0 - 1.0) / 9.0) / 6.0)
    assert mode.exact
    assert mode.curvature == pytest.approx(4.0 * 1.5 + 1.0)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("decay", [0.0, 0.02])
def test_exact_times_are_those_of_the_flow(layers: int, decay: float) -> None:
    problem = instance(layers, decay, layers)
    start = aligned_start(problem, 7, 1e-2)
    modes = learned_modes(problem, start)
    assert all(mode.exact for mode in modes)
    end = 1.3 * max(mode.half_time or 0.0 for mode in modes) + 0.5
    for share, name in ((0.5, "half_time"), (0.1, "plateau")):
        told = [getattr(mode, name) for mode in modes]
        wanted = [None if time is None else share * (mode.limit or 0.0) for time, mode in zip(told, modes, strict=True)]
        for time, flowed in zip(told, times_of_flow(problem, start, wanted, end), strict=True):
            assert (time is None) == (flowed is None)
            assert time is None or time == pytest.approx(flowed, rel=1e-6)


@pytest.mark.parametrize(("white", "tolerance"), [(True, 0.06), (False, 0.2)])
def test_small_random_starts_of_two_layers_are_near(white: bool, tolerance: float) -> None:
    problem = instance(2, 0.0, 3, white=white)
    start = random_start(problem, 4)
    modes = learned_modes(problem, start)
    assert not any(mode.exact for mode in modes)
    assert all(mode.coupling < 1e-9 for mode in modes) == white
    times = [mode.half_time for mode in modes]
    wanted = [0.5 * (mode.limit or 0.0) for mode in modes]
    flowed = times_of_flow(problem, start, wanted, 1.5 * max(time or 0.0 for time in times))
    for time, there in zip(times, flowed, strict=True):
        assert time is not None
        assert there is not None
        assert abs(time / there - 1.0) < tolerance


def test_decay_kills_what_starts_too_small() -> None:
    problem = one_number(3, 0.3)
    (small,) = learned_modes(problem, [np.full((1, 1), 0.1)] * 3)
    (large,) = learned_modes(problem, [np.full((1, 1), 0.5)] * 3)
    assert small.limit == 0.0
    assert small.half_time is None
    assert "dies out" in small.reasons["half_time"]
    # a (2 - a^3) = 0.3 at the limit
    assert large.limit is not None
    layer = large.limit ** (1.0 / 3.0)
    assert layer * (2.0 - layer**3) == pytest.approx(0.3, rel=1e-12)
    (strong,) = learned_modes(one_number(3, 3.0), [np.full((1, 1), 0.9)] * 3)
    assert strong.limit == 0.0
    (weak,) = learned_modes(one_number(2, 3.0), [np.full((1, 1), 0.9)] * 2)
    assert weak.limit == 0.0


def test_starts_beyond_a_share_and_without_growth_say_so() -> None:
    (beyond,) = learned_modes(one_number(2), [np.full((1, 1), 1.2)] * 2)
    assert beyond.half_time is None
    assert "beyond" in beyond.reasons["half_time"]
    (zero,) = learned_modes(one_number(2), [np.zeros((1, 1))] * 2)
    assert "grows" in zero.reasons["half_time"]


def test_a_narrow_layer_learns_the_strongest_directions_only() -> None:
    problem = instance(2, 0.0, 5)
    narrow = replace(problem, network=replace(problem.network, layers=(Layer(2), Layer(3))))
    rng = np.random.default_rng(0)
    modes = learned_modes(narrow, [1e-3 * rng.standard_normal((2, 4)), 1e-3 * rng.standard_normal((3, 2))])
    assert [mode.half_time is None for mode in modes] == [False, False, True]
    assert "fewer units" in modes[2].reasons["half_time"]


def test_three_layers_need_an_aligned_start() -> None:
    problem = instance(3, 0.0, 6)
    for mode in learned_modes(problem, random_start(problem, 1)):
        assert mode.half_time is None
        assert mode.limit is None
        assert "aligned and balanced" in mode.reasons["half_time"]


BASE = instance(2, 0.0, 8)


@pytest.mark.parametrize(
    ("problem", "word"),
    [
        (replace(BASE, loss=Loss.LOGISTIC), "squared loss"),
        (replace(BASE, network=replace(BASE.network, layers=(Layer(5, Activation.TANH), Layer(3)))), "linear networks"),
        (replace(BASE, network=replace(BASE.network, layers=(Layer(5, noise_variance=0.1), Layer(3)))), "noise"),
        (replace(BASE, network=replace(BASE.network, layers=(Layer(5, weight_decay=0.1), Layer(3)))), "unequal"),
        (replace(BASE, network=replace(BASE.network, skips=(Skip(0, 2, SkipKind.TRAINABLE),))), "skips"),
        (replace(BASE, network=replace(BASE.network, bias=Bias.ALL)), "hidden biases"),
        (replace(BASE, network=replace(BASE.network, bias=Bias.OUTPUT)), "centred"),
    ],
)
def test_where_no_direction_has_an_equation(problem: Problem, word: str) -> None:
    assert word in why_not(problem)


def test_centred_data_may_have_an_output_bias() -> None:
    moments = replace(BASE.data, x_mean=np.zeros(4), y_mean=np.zeros(3))
    assert not why_not(replace(BASE, moments=moments, network=replace(BASE.network, bias=Bias.OUTPUT)))
