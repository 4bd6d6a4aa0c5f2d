"""A search that is stopped at any of its steps returns an answer whose bounds hold."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.data.conditioned import moments_of
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.results import Minima
from service.core.ground.stopping import should_stop, stopped_by
from service.vocabulary import Status


def networks() -> dict[str, Network]:
    """What no closed form covers: under noise and without it, of few weights and of many."""

    def layers(widths: tuple[int, ...], noise: float, decay: float) -> Network:
        hidden = tuple(Layer(width=width, weight_decay=decay, noise_variance=noise) for width in widths[:-1])
        return Network((*hidden, Layer(width=widths[-1], weight_decay=decay)))

    return {
        "two noisy layers": layers((4, 4, 3), 0.4, 0.05),
        "noise without decay": layers((4, 4, 3), 0.4, 0.0),
        "wide noisy layers": layers((16, 16, 3), 0.4, 0.05),
        "two layers": layers((4, 3), 0.0, 0.1),
        "three layers": layers((4, 4, 3), 0.0, 0.1),
        "four layers": layers((4, 4, 4, 3), 0.0, 0.05),
    }


def problem_of(network: Network) -> Problem:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5))
    y = x @ rng.normal(size=(5, 3)) / 3.0 + 0.3 * rng.normal(size=(60, 3))
    return Problem(network, moments_of(x, y))


def after(steps: int) -> Callable[[], bool]:
    """True from the call number ``steps`` on."""
    calls = itertools.count()
    return lambda: next(calls) >= steps


@pytest.fixture(scope="module")
def unhurried() -> dict[str, Minima]:
    return {name: solve(problem_of(network)) for name, network in networks().items()}


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 12, 30, 100])
@pytest.mark.parametrize("name", networks())
def test_bounds_hold_wherever_a_search_stops(name: str, steps: int, unhurried: dict[str, Minima]) -> None:
    full = unhurried[name]
    with stopped_by(after(steps)):
        found = solve(problem_of(networks()[name]))
    slack = 1e-9 * full.certificate.upper_bound
    assert found.certificate.lower_bound <= full.certificate.upper_bound + slack
    assert found.certificate.upper_bound >= full.certificate.lower_bound - slack
    assert found.certificate.lower_bound <= found.certificate.upper_bound
    assert found.solution.minimum.loss <= problem_of(networks()[name]).data.yy * (1.0 + 1e-12)
    if found.status is not Status.BOUNDED:
        assert found.solution.minimum.loss == pytest.approx(full.solution.minimum.loss, rel=1e-9)


@pytest.mark.parametrize("name", ["two noisy layers", "noise without decay", "wide noisy layers"])
def test_stopping_at_once_asks_less(name: str) -> None:
    """A long search that is not told to stop goes on asking; one that is ends soon."""
    asked = {}
    for answer in (False, True):
        calls = itertools.count()

        def ask(answer: bool = answer, calls: "itertools.count[int]" = calls) -> bool:
            next(calls)
            return answer

        with stopped_by(ask):
            solve(problem_of(networks()[name]))
        asked[answer] = next(calls)
    assert 0 < asked[True] < asked[False]


def test_nobody_stops_a_search_by_default() -> None:
    assert not should_stop()
    with stopped_by(lambda: True):
        assert should_stop()
    assert not should_stop()
