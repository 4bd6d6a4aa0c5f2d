"""Degrees of freedom against differences of predictions that are solved again."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.asked.selection.columns import whole_columns
from service.core.asked.sweeps.axes import Axis
from service.core.dispatch import solve
from service.core.ground.data.conditioned import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.vocabulary import Bias, SweepParameter
from tests.unit.core.asked.selection.test_leave_one_out import problem_of

AS_IT_IS = Axis(SweepParameter.DECAY_SCALE, np.ones(1))


def by_differences(problem: Problem) -> float:
    samples = problem.samples
    assert samples is not None
    x, y = samples.x, samples.y

    def predicted(targets: FloatArray) -> FloatArray:
        found = solve(replace(problem, moments=moments_of(x, targets), samples=None)).solution.minimum
        return x @ found.end_to_end_map.T + found.output_offset

    total, step = 0.0, 1e-4
    for place in np.ndindex(*y.shape):
        above, below = y.copy(), y.copy()
        above[place] += step
        below[place] -= step
        total += float((predicted(above)[place] - predicted(below)[place]) / (2.0 * step))
    return total


@pytest.mark.parametrize(
    ("hidden", "bias", "outputs", "noise"),
    [
        (0, Bias.OUTPUT, 1, 0.0),
        (1, Bias.NONE, 1, 0.5),
        (2, Bias.OUTPUT, 1, 0.5),
        (3, Bias.ALL, 1, 0.5),
        (0, Bias.OUTPUT, 2, 0.0),
        (1, Bias.NONE, 2, 0.0),
        (1, Bias.OUTPUT, 3, 0.0),
        (2, Bias.ALL, 2, 0.0),
    ],
)
def test_predictions_follow_their_targets_by_so_much(hidden: int, bias: Bias, outputs: int, noise: float) -> None:
    problem = problem_of(14, 3, hidden, bias, outputs=outputs, noise=noise, decay=0.02)
    found = whole_columns(problem, AS_IT_IS, summed=False)
    assert found.freedom is not None
    assert found.freedom[0] == pytest.approx(by_differences(problem), rel=1e-5)


def test_least_squares_have_the_rank_of_the_inputs() -> None:
    for outputs in (1, 2):
        problem = problem_of(20, 4, 1, Bias.OUTPUT, outputs=outputs, decay=0.0)
        found = whole_columns(problem, Axis(SweepParameter.WIDTH, np.array([4.0])), summed=False)
        assert found.freedom is not None
        assert found.freedom[0] == pytest.approx(5.0 * outputs, rel=1e-9)


def test_a_map_that_is_zero_follows_nothing() -> None:
    for outputs in (1, 2):
        problem = problem_of(20, 4, 1, Bias.OUTPUT, outputs=outputs, decay=1e3)
        found = whole_columns(problem, AS_IT_IS, summed=False)
        assert found.trivial.all()
        assert found.freedom is not None
        assert found.freedom[0] == outputs


def test_noise_before_several_outputs_has_no_freedom() -> None:
    problem = problem_of(20, 2, 1, Bias.NONE, outputs=2, noise=0.5, decay=0.0, offset=0.0)
    found = whole_columns(problem, Axis(SweepParameter.WIDTH, np.array([4.0])), summed=False)
    assert found.freedom is None
    assert "noise" in found.freedom_reason
