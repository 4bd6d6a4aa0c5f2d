"""What an operation is estimated to cost grows with everything that makes its work longer."""

from typing import Any

import pytest

from service.errors import LimitExceeded
from service.operations.asking import ask
from service.operations.plans.connectivity import NODES
from service.settings import Settings


def samples(n: int, inputs: int = 2) -> dict[str, Any]:
    x = [[float((3 * row + 5 * column) % 7) for column in range(inputs)] for row in range(n)]
    return {"kind": "samples", "x": x, "y": [float(row % 2) for row in range(n)]}


def network(*widths: int, activation: str = "linear", decay: float = 0.0) -> dict[str, Any]:
    layers: list[dict[str, Any]] = [{"width": width, "weight_decay": decay} for width in widths]
    for layer in layers[:-1]:
        layer["activation"] = activation
    return {"layers": layers}


def problem(n: int = 20, width: int = 4, activation: str = "tanh", inputs: int = 2) -> dict[str, Any]:
    return {"network": network(width, 1, activation=activation), "data": samples(n, inputs)}


SNAPSHOT = {"weights": [[[0.5, 0.5]] * 4, [[0.5] * 4]]}
RACE = {"problem": {"network": network(4, 1, decay=0.1), "data": samples(20)}, "optimisers": ["gd"]}
SWEEP = {"problem": {"network": network(4, 2, decay=0.1), "data": {**samples(9), "y": [[1.0, 0.0]] * 9}}}
AXIS = {"parameter": "decay_scale", "from": 0.1, "to": 1.0}
TRAINED = {"problem": problem(), "at": "trained"}
PATH = {"problem": problem(), "ends": ["trained", "trained"]}


def seconds(name: str, body: dict[str, Any]) -> float:
    """The estimate, by which it is decided where a request runs."""
    settings = Settings()
    question = ask(name, body, settings)
    if question.loaded.function is not None:
        return question.cost_s
    return question.plan(settings).cost_s


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("ranks", problem(20, activation="relu"), problem(4_000, activation="relu")),
        (
            "ranks",
            {"problem": problem(activation="relu"), "snapshots": [SNAPSHOT]},
            {"problem": problem(activation="relu"), "snapshots": [SNAPSHOT] * 2},
        ),
        ("gradient_flows", {"problem": problem(20, activation="relu")}, {"problem": problem(40, activation="relu")}),
        (
            "gradient_flows",
            {"problem": problem(width=4, activation="relu")},
            {"problem": problem(width=8, activation="relu")},
        ),
        (
            "gradient_flows",
            {"problem": problem(inputs=2, activation="linear")},
            {"problem": problem(inputs=4, activation="linear")},
        ),
        (
            "gradient_flows",
            {"problem": {"network": network(4, 2), "data": {**samples(20), "y": [[1.0, 0.0]] * 20}}},
            {"problem": {"network": network(4, 4), "data": {**samples(20), "y": [[1.0, 0.0, 0.0, 0.0]] * 20}}},
        ),
        ("slices", {**TRAINED, "points": 5}, {**TRAINED, "points": 9}),
        ("slices", TRAINED, {**TRAINED, "problem": problem(40)}),
        ("slices", TRAINED, {**TRAINED, "problem": problem(width=8)}),
        ("slices", TRAINED, {**TRAINED, "training_steps": 2_000}),
        ("spectra", {**TRAINED, "method": "exact"}, {**TRAINED, "problem": problem(width=8), "method": "exact"}),
        ("spectra", {**TRAINED, "method": "lanczos"}, {**TRAINED, "problem": problem(40), "method": "lanczos"}),
        ("connectivity", PATH, {**PATH, "points": 99}),
        ("connectivity", PATH, {**PATH, "rounds": 9}),
        ("connectivity", PATH, {**PATH, "round_steps": 99}),
        ("connectivity", PATH, {**PATH, "problem": problem(40)}),
        ("connectivity", PATH, {**PATH, "widths": [2]}),
        ("connectivity", {**PATH, "widths": [2], "runs": 3}, {**PATH, "widths": [2], "runs": 9}),
        ("races", {**RACE, "runs": 100}, {**RACE, "runs": 200}),
        ("races", {**RACE, "steps": 1_000}, {**RACE, "steps": 2_000}),
        ("sweeps", {**SWEEP, "axes": [{**AXIS, "points": 5}]}, {**SWEEP, "axes": [{**AXIS, "points": 9}]}),
    ],
)
def test_more_work_is_estimated_to_take_longer(name: str, less: dict[str, Any], more: dict[str, Any]) -> None:
    assert 0.0 < seconds(name, less) < seconds(name, more)


@pytest.mark.parametrize(
    ("name", "body", "steps"),
    [
        ("slices", {**TRAINED, "training_steps": 100}, 101),
        ("connectivity", {**PATH, "training_steps": 100, "rounds": 0, "points": 5}, 202 + 9 * 5),
        (
            "connectivity",
            {**PATH, "training_steps": 100, "rounds": 2, "round_steps": 10, "points": 5},
            202 + 9 * 5 + 2 * (22 * NODES + 5),
        ),
        (
            "connectivity",
            {**PATH, "training_steps": 100, "rounds": 0, "points": 5, "widths": [2, 3], "runs": 4},
            202 + 9 * 5 + 2 * 4 * 100,
        ),
        ("spectra", {**TRAINED, "training_steps": 100, "method": "exact"}, 101 + 4 * 2 + 4),
    ],
)
def test_the_limit_counts_every_gradient_and_product(name: str, body: dict[str, Any], steps: int) -> None:
    ask(name, body, Settings()).plan(Settings(max_picture_steps=steps))
    with pytest.raises(LimitExceeded):
        ask(name, body, Settings()).plan(Settings(max_picture_steps=steps - 1))
