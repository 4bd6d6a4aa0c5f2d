"""No restart, and no descent that begins at the returned weights, goes below a minimum; fewer than in the report."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.problems import Problem
from tests.support import outputs_instances as families
from tests.support.search_below import BELOW, RESTARTS, lead_over, raw_problem, unbiased

SEARCHED: list[tuple[Callable[[np.random.Generator], Problem], tuple[int, ...]]] = [
    # minima of two ranks, or 2e-5 apart, of which a search from random weights alone finds the higher one
    (families.one_noisy_layer, (13, 45)),
    (families.very_unequal_decays, (7, 24)),
    (families.noisy_general, (0, 1)),
    (families.deep_narrow, (0, 1)),
    (families.deep_unequal, (0, 4)),
]


@pytest.mark.parametrize(
    ("generator", "seed"),
    [(generator, seed) for generator, seeds in SEARCHED for seed in seeds],
    ids=lambda part: part if isinstance(part, int) else part.__name__,
)
def test_no_search_goes_below(generator: Callable[[np.random.Generator], Problem], seed: int) -> None:
    problem = generator(np.random.default_rng(seed))
    lead = lead_over(solve(problem), unbiased(problem), RESTARTS, 250, seed)
    assert lead.least >= -BELOW


def test_a_loss_that_is_too_high_is_noticed() -> None:
    problem = families.deep_unequal(np.random.default_rng(0))
    layers = tuple(replace(layer, weight_decay=1.1 * layer.weight_decay) for layer in problem.network.layers)
    heavier = solve(Problem(replace(problem.network, layers=layers), problem.data))
    assert lead_over(heavier, problem, 1, 250).least < -BELOW


@pytest.mark.parametrize("decay", [0.0, 1e-6, 1e-3, 1e-1])
@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("name", ["linnerud", "iris", "wine"])
def test_raw_data_sets_are_solved_as_low_as_any_search_in_scaled_coordinates(
    name: str, n_layers: int, decay: float
) -> None:
    problem, seen = raw_problem(name, n_layers, decay, biased=n_layers == 2)
    lead = lead_over(solve(problem), seen, 5, 100)
    assert lead.least >= -BELOW


@pytest.mark.parametrize("decay", [1e-3, 3e-3])
def test_two_decayed_layers_on_inputs_of_six_decades(decay: float) -> None:
    # 0.15163 with a decay of 0.003: three times as much was once the best found, where first-order steps stall
    problem, seen = raw_problem("breast_cancer", 2, decay, biased=False)
    answer = solve(problem)
    assert answer.solution.minimum.loss == pytest.approx({1e-3: 0.1377823494, 3e-3: 0.1516315886}[decay], rel=1e-8)
    assert lead_over(answer, seen, 1, 200).least >= -BELOW
