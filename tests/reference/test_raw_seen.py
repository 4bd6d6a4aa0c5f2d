"""What was once answered wrongly on raw data, each fault a test of its name."""

import pytest

from tests.support.raw_agreement import disagreements
from tests.support.raw_runs import CLOSED, answered, run
from tests.support.raw_seen import SEEN

NAMES = pytest.mark.parametrize("name", SEEN)
LOSSES = {
    "columns eight decades apart": 0.0,
    "uncorrelated inputs": 0.5,
    "three layers": 0.50000877,
    "three layers, n given": 0.50000877,
    "Longley with ones": 836424.0555,
    "Wampler1": 0.0,
}
"""Where the right value is known beside exact arithmetic."""
CANCER = {
    "problem": {
        "network": {"layers": [{"width": 2, "weight_decay": 0.003}, {"width": 2, "weight_decay": 0.003}]},
        "data": {"kind": "example", "name": "breast_cancer", "raw": True},
    }
}


@NAMES
def test_the_answer_is_closed_and_breaks_no_law(name: str) -> None:
    found = run(SEEN[name]())
    assert not found.failures
    assert found.closed


@NAMES
def test_no_operation_contradicts_the_answer(name: str) -> None:
    assert not disagreements(SEEN[name]())


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_the_right_one(name: str) -> None:
    problem = SEEN[name]()
    loss = answered(problem.body())["global_minimum"]["loss"]
    assert loss == pytest.approx(LOSSES[name], rel=1e-7, abs=1e-13 * float(problem.variance))
    assert loss >= 0.0


def test_the_weak_column_keeps_its_coefficient() -> None:
    minimum = answered(SEEN["columns eight decades apart"]().body())["global_minimum"]
    assert minimum["end_to_end_map"][0] == pytest.approx([1e-8, 2.0], rel=1e-12)
    assert minimum["rank"] == 1


def test_the_number_of_samples_alone_changes_no_bound() -> None:
    without, with_n = (answered(SEEN[name]().body()) for name in ("three layers", "three layers, n given"))
    for name in ("upper_bound", "lower_bound"):
        assert with_n["certificate"][name] == pytest.approx(without["certificate"][name], rel=1e-9)
    assert with_n["status"] == without["status"]


def test_two_decayed_layers_on_raw_breast_cancer_reach_what_a_search_reaches() -> None:
    answer = answered(CANCER)
    assert answer["status"] in CLOSED
    assert answer["certificate"]["lower_bound"] <= 0.15163 + 5e-6
    assert answer["global_minimum"]["loss"] == pytest.approx(0.15163, abs=5e-6)
