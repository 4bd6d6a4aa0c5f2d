"""What is counted in a race and said about it, on runs that were made up so that every number can be read off."""

from typing import Any

import pytest

from service.operations.plans.race_advice import advise

STEPS = 4
HEADING: dict[str, Any] = {
    "solver": "scalar_output",
    "minimum": 0.5,
    "trivial": False,
    "escape_norm": 1.0,
    "convention": "mean",
    "reasons": {},
    "engine_version": "1",
    "problem_hash": "sha256:0",
}


def runs(*outcomes: str, trapped: int = 0, rate: float | None = 0.5, gap: float | None = 0.25) -> dict[str, Any]:
    """One chunk of runs: their outcomes, and the same for all the rest."""
    count = len(outcomes)
    return {
        "outcome": list(outcomes),
        "gap": [gap] * count,
        "start_norm": [1.0] * count,
        "end_norm": [1.0] * count,
        "steps_to_1e_3": [None] * count,
        "steps_to_1e_6": [None] * count,
        "trapped": [index < trapped for index in range(count)],
        "gradient_norm": [2.0] * count,
        "least_hessian_eigenvalue": [None] * count,
        "learning_rate": [rate] * count,
        "curve": [[1.0, 0.5, 0.25, 0.125, 0.0625]] * count,
    }


def advised(pairs: list[tuple[str, str]], *inputs: dict[str, Any], **heading: Any) -> dict[str, Any]:
    arguments = {
        "chunks_a_pair": len(inputs) // len(pairs),
        "pairs": pairs,
        "steps": STEPS,
        "loss_scale": 4.0,
        "heading": {**HEADING, **heading},
    }
    return advise(arguments, {}, inputs).document()


def test_chunks_of_a_pair_are_put_together_and_counted() -> None:
    found = advised([("xavier", "gd")], runs("minimum", "minimum", "origin"), runs("minimum"))
    (group,) = found["groups"]
    assert group["outcomes"] == {"minimum": 3, "origin": 1}
    assert group["success"]["successes"] == 3
    assert group["success"]["runs"] == 4
    assert group["success"]["rate"] == 0.75
    low, high = group["success"]["interval"]
    assert 0.0 < low < 0.75 < high < 1.0
    assert group["median_gap"] == 0.25


@pytest.mark.parametrize(("optimiser", "rate"), [("gd", 0.125), ("sgd", 0.125), ("adam", 0.5), ("lbfgs", 0.5)])
def test_rates_that_multiply_the_gradient_are_those_of_the_callers_objective(optimiser: str, rate: float) -> None:
    (group,) = advised([("xavier", optimiser)], runs("unfinished"))["groups"]
    assert group["runs"]["learning_rate"] == [rate]
    assert group["runs"]["gradient_norm"] == [8.0]
    assert group["runs"]["least_hessian_eigenvalue"] == [None]
    assert "least_hessian_eigenvalue" in group["reasons"]


def test_the_scheme_that_arrives_most_comes_first() -> None:
    pairs = [("xavier", "gd"), ("kaiming", "gd"), ("orthogonal", "gd")]
    found = advised(pairs, runs("origin", "origin"), runs("minimum", "minimum"), runs("minimum", "origin"))
    assert [one["initialisation"] for one in found["advice"]] == ["kaiming", "orthogonal", "xavier"]
    assert [one["success"]["rate"] for one in found["advice"]] == [1.0, 0.5, 0.0]


def test_the_optimiser_that_arrives_most_is_the_best_one() -> None:
    pairs = [("xavier", "gd"), ("xavier", "lbfgs")]
    (one,) = advised(pairs, runs("origin", "origin"), runs("minimum", "origin"))["advice"]
    assert one["best_optimiser"] == "lbfgs"
    assert (one["success"]["successes"], one["success"]["runs"]) == (1, 4)
    assert "1 of 4 runs reached the minimum (25 %" in one["text"]


def test_decoupled_decay_is_no_failure() -> None:
    found = advised([("xavier", "adamw")], runs("different_objective", gap=None))
    (group,), (one,) = found["groups"], found["advice"]
    assert group["success"] is None
    assert group["median_gap"] is None
    assert group["reasons"]["median_gap"] == "every run diverged"
    assert one["success"] is one["best_optimiser"] is None
    assert set(one["reasons"]) == {"success", "best_optimiser"}
    assert "Observed" not in one["text"]


@pytest.mark.parametrize(
    ("trapped", "starts", "says"),
    [(0, "outside", "no start lies inside"), (1, "mixed", "1 of 2 starts"), (2, "inside", "2 of 2 starts")],
)
def test_starts_inside_the_trapping_radius(trapped: int, starts: str, says: str) -> None:
    (one,) = advised([("xavier", "gd")], runs("origin", "origin", trapped=trapped))["advice"]
    assert (one["starts"], one["trapped"]) == (starts, trapped)
    assert says in one["text"]


def test_what_is_not_known_of_starts_is_said_with_its_reason() -> None:
    heading = {"escape_norm": None, "reasons": {"escape_norm": "two layers"}, "trivial": True}
    (one,) = advised([("xavier", "gd")], runs("origin"), **heading)["advice"]
    assert (one["starts"], one["trapped"]) == ("unknown", None)
    assert one["reasons"]["trapped"] == "two layers"
    assert "nothing is proved" in one["text"]
    assert "The origin is the global minimum here." in one["text"]
