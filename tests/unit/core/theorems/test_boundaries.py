"""Hypotheses that compare two numbers, where these are equal, one less and one more; with data and without."""

import numpy as np
import pytest

from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.ground.rules import Hypothesis
from service.core.theorems.linear_sublevel_sets import NARROW_HIDDEN, WIDER_THAN_BOTH


def problem(inputs: int, hidden: tuple[int, ...], outputs: int, data: bool = True) -> Problem:
    network = Network(tuple(Layer(width) for width in (*hidden, outputs)))
    if not data:
        return Problem(network, None)
    xy = np.eye(inputs, outputs)
    return Problem(network, Moments(np.eye(inputs), xy, float(np.sum(xy * xy)) + 1.0))


@pytest.mark.parametrize(
    ("hidden", "holds"), [((2,), False), ((3,), False), ((4,), True), ((4, 3), False), ((4, 5), True)]
)
def test_wider_than_the_narrower_end_means_by_one_at_least(hidden: tuple[int, ...], holds: bool) -> None:
    for inputs, outputs in ((3, 5), (5, 3), (3, 3)):
        assert WIDER_THAN_BOTH.check(problem(inputs, hidden, outputs)).holds is holds


@pytest.mark.parametrize(("hidden", "holds"), [((2,), None), ((3,), None), ((4,), True), ((4, 3), None), ((), None)])
def test_without_data_only_the_outputs_can_decide(hidden: tuple[int, ...], holds: bool | None) -> None:
    found = WIDER_THAN_BOTH.check(problem(2, hidden, 3, data=False))
    assert found.holds is holds
    assert found.evidence["outputs"] == 3
    assert bool(found.reason) is (holds is None)


@pytest.mark.parametrize(
    ("inputs", "hidden", "outputs", "holds"),
    [(3, (2,), 3, True), (3, (3,), 3, True), (3, (4,), 3, False), (2, (3,), 4, False), (4, (3, 5), 3, True)],
)
def test_a_hidden_layer_as_narrow_as_the_network(
    inputs: int, hidden: tuple[int, ...], outputs: int, holds: bool
) -> None:
    assert NARROW_HIDDEN.check(problem(inputs, hidden, outputs)).holds is holds
    assert NARROW_HIDDEN.check(problem(inputs, hidden, outputs, data=False)).holds is None


@pytest.mark.parametrize("hypothesis", [WIDER_THAN_BOTH, NARROW_HIDDEN], ids=lambda item: item.name)
def test_without_data_nothing_is_false_that_some_data_make_true(hypothesis: Hypothesis) -> None:
    for hidden in ((1,), (2,), (3,), (4,), (2, 4)):
        alone = hypothesis.check(problem(1, hidden, 3, data=False)).holds
        among = {hypothesis.check(problem(inputs, hidden, 3)).holds for inputs in range(1, 6)}
        assert alone is None or among == {alone}
