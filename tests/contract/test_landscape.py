"""`/v1/landscape` over HTTP: what is promised about its form, on legal but degenerate problems too."""

from typing import Any

import numpy as np
import pytest

from service.schemas.landscape import EXAMPLES
from tests.serving import call

RELU = EXAMPLES["ReLU with biases on a few samples"]
VERDICTS = {
    "no_spurious_local_minima", "no_spurious_valleys", "no_bad_basins", "no_bad_strict_minima", "spurious_minima_exist",
    "all_saddles_strict", "sublevel_sets_connected", "minimum_attained", "descent_path_to_infinity",
}  # fmt: skip


def summary(base: str, body: object) -> Any:
    reply = call(base, "POST", "/v1/landscape", body)
    assert reply.status == 200, reply.content
    return reply.json


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_answered(base: str, name: str) -> None:
    answer = summary(base, EXAMPLES[name])
    assert set(answer["verdicts"]) == VERDICTS
    assert len({rule["id"] for rule in answer["rules"]}) == len(answer["rules"])
    for rule in answer["rules"]:
        for finding in rule["hypotheses"]:
            assert finding["holds"] is True or finding["reason"]


def test_every_null_has_a_reason(base: str) -> None:
    answer = summary(base, EXAMPLES["a linear network, without data"])
    for part in ("facts", "origin"):
        nulls = {name for name, value in answer[part].items() if value is None and name != "evidence"}
        assert nulls == set(answer[part]["reasons"])
    assert answer["reasons"].keys() >= {"thresholds", "reduced_curve", "barcode"}
    assert answer["verdicts"]["no_spurious_local_minima"]["value"] is True


def test_a_search_that_takes_longer_than_a_summary_is_made_on_request(base: str) -> None:
    noise = {"kind": "dropout", "rate": 0.3}
    layers = [{"width": 3, "weight_decay": 0.05, "noise": noise}, {"width": 2, "weight_decay": 0.05}]
    data = {"kind": "moments", "xx": [[1.0, 0.3], [0.3, 0.5]], "xy": [[0.9, 0.1], [0.2, -0.6]], "yy": 2.0}
    problem = {"network": {"layers": layers}, "data": data}
    left_out = summary(base, problem)
    assert (left_out["solver"], left_out["stationary_points"], left_out["thresholds"]) == (None, [], None)
    for name in ("stationary_points", "thresholds", "barcode"):
        assert "`include` with minimum" in left_out["reasons"][name]
    searched = summary(base, {"problem": problem, "include": ["minimum"]})
    minimum = call(base, "POST", "/v1/minima", problem).json
    assert searched["solver"] == minimum["solver"] == "noisy_bounded"
    least = min(point["loss"] for point in searched["stationary_points"])
    assert least == pytest.approx(minimum["global_minimum"]["loss"], rel=1e-9)
    assert searched["rules"] == left_out["rules"]
    assert searched["origin"]["class"] == left_out["origin"]["class"]
    for name, verdict in left_out["verdicts"].items():
        assert verdict["value"] in (None, searched["verdicts"][name]["value"])


def test_wrapped_and_bare_problems_agree(base: str) -> None:
    assert summary(base, {"problem": RELU}) == summary(base, RELU)


def test_witnesses_on_request(base: str) -> None:
    assert "witnesses" not in summary(base, RELU)
    found = summary(base, {**RELU, "include": ["witnesses"]})["witnesses"]
    assert {item["id"] for item in found} >= {"W1", "W2"}
    assert all(item["verified"] and item["evidence"] == "observed" for item in found)


def test_losses_are_in_the_caller_s_convention(base: str) -> None:
    decayed = {
        "network": {"layers": [{"width": 4, "weight_decay": 0.1}] * 2 + [{"width": 1, "weight_decay": 0.1}]},
        "data": RELU["data"],
    }
    doubled = {
        "network": {"layers": [{"width": 4, "weight_decay": 0.6}] * 2 + [{"width": 1, "weight_decay": 0.6}]},
        "data": RELU["data"],
        "objective": {"convention": "sum"},
    }
    mean, total = summary(base, decayed), summary(base, doubled)
    assert [bar["birth"] * 6 for bar in mean["barcode"]] == pytest.approx([bar["birth"] for bar in total["barcode"]])
    assert mean["reduced_curve"]["norm"] == pytest.approx(total["reduced_curve"]["norm"])
    assert mean["verdicts"] == total["verdicts"]


@pytest.mark.parametrize(
    "change",
    [
        {"x": [[1.0, 2.0]], "y": [1.0]},
        {"x": [[1.0, 2.0], [3.0, 1.0], [0.0, 1.0]], "y": [1.0, 1.0, 1.0]},
        {"x": [[0.0, 2.0], [0.0, 1.0], [0.0, 5.0]], "y": [1.0, 2.0, 0.0]},
        {"x": [[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]], "y": [1.0, 2.0, 0.0]},
        {"x": [[0.0, 0.0], [0.0, 0.0]], "y": [1.0, 2.0]},
    ],
    ids=["one sample", "equal labels", "a direction of width zero", "conflicting duplicates", "no input at all"],
)
@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu", "quadratic", "tanh"])
def test_degenerate_data_have_an_answer(base: str, change: dict[str, Any], activation: str) -> None:
    for bias, slope in (("none", 0.1), ("all", 0.1), ("all", 1.0)):
        hidden = {"width": 3, "activation": activation} | ({"slope": slope} if activation == "leaky_relu" else {})
        network = {"layers": [hidden, {"width": 1}], "bias": bias}
        answer = summary(base, {"network": network, "data": {"kind": "samples", **change}, "include": ["witnesses"]})
        assert all(item["verified"] for item in answer["witnesses"])
        for verdict in answer["verdicts"].values():
            assert verdict["value"] is not None or verdict["reason"]
        # an affine map, or even a constant, fits: no theorem on bad minima of such networks may speak
        fits = len(change["x"]) < 3 or len(set(change["y"])) == 1
        rules = {rule["id"]: rule["applies"] for rule in answer["rules"]}
        assert not fits or change["x"][0] == change["x"][-1] or {rules["R34"], rules["R36"]} == {False}


def test_a_layer_that_is_constant_on_the_data_is_answered(base: str) -> None:
    network = {"layers": [{"width": 3, "activation": "relu"}, {"width": 1}]}
    data = {"kind": "samples", "x": [[0.0], [0.0], [0.0]], "y": [1.0, 2.0, 4.0]}
    answer = summary(base, {"network": network, "data": data, "include": ["witnesses"]})
    assert answer["verdicts"]["spurious_minima_exist"]["value"] is None
    assert answer["facts"]["conflicting_inputs"] == 1


@pytest.mark.parametrize(
    ("labels", "loss", "width"),
    [
        ([1], "logistic", 1),
        ([-1, -1, -1], "exponential", 1),
        ([2], "cross_entropy", 3),
        ([0, 2, 2], "cross_entropy", 4),
        ([1, 1, 1], "squared", 1),
        ([2, 2, 2], "squared", 3),
    ],
)
def test_labels_need_not_have_all_classes(base: str, labels: list[int], loss: str, width: int) -> None:
    inputs = [[0.5, 1.0], [1.0, -1.0], [0.0, 2.0]][: len(labels)]
    data: dict[str, Any] = {"kind": "samples", "x": inputs, "y": labels, "task": "classification"}
    asked = {"network": {"layers": [{"width": 3}, {"width": width}]}, "data": data, "objective": {"loss": loss}}
    answer = summary(base, asked | {"include": ["witnesses"]})
    assert all(item["verified"] for item in answer["witnesses"])
    assert answer["facts"]["linearly_separable"] is (None if loss == "squared" else True)
    if loss == "squared":
        coded = np.ones((3, 1)) if width == 1 else np.eye(3)[labels]
        spelled = {"kind": "samples", "x": inputs, "y": coded.tolist()}
        losses = [call(base, "POST", "/v1/minima", asked | {"data": each}).json for each in (data, spelled)]
        assert losses[0]["global_minimum"]["loss"] == losses[1]["global_minimum"]["loss"]


@pytest.mark.parametrize(
    ("labels", "loss", "pointer", "word"),
    [
        ([0, 1, 2], "logistic", "/data/y/2", "-1 or +1"),
        ([1, -1, 0], "exponential", "/data/y", "-1"),
        ([0, 1, 5], "cross_entropy", "/network/layers/1/width", "3 classes"),
        ([[0.2, 0.9], [1.0, 0.0], [0.0, 1.0]], "cross_entropy", "/data/y/0", "add up to 1"),
    ],
)
def test_labels_outside_the_classes_are_named(base: str, labels: object, loss: str, pointer: str, word: str) -> None:
    network = {"layers": [{"width": 3}, {"width": 2 if loss == "cross_entropy" else 1}]}
    data = {"kind": "samples", "x": [[1.0], [2.0], [3.0]], "y": labels}
    reply = call(base, "POST", "/v1/landscape", {"network": network, "data": data, "objective": {"loss": loss}})
    assert reply.status == 422
    (error,) = reply.json["errors"]
    assert error["pointer"].startswith(pointer)
    assert word in error["detail"]


@pytest.mark.parametrize(
    ("change", "pointer", "word"),
    [
        ({"skips": [{"from": 2, "to": 1, "kind": "identity"}]}, "/network/skips/0/from", "less than"),
        ({"bias": "all"}, "/network/bias", "frozen"),
        ({"bias": "hidden"}, "/network/bias", "layers/0"),
        ({"bias": "output"}, None, ""),
    ],
)
def test_networks_that_contradict_themselves(base: str, change: dict[str, Any], pointer: str | None, word: str) -> None:
    layers = [{"width": 2, "frozen_weights": [[1.0], [2.0]]}, {"width": 1}]
    data = {"kind": "samples", "x": [[1.0], [2.0], [3.0]], "y": [1.0, 0.0, 2.0]}
    reply = call(base, "POST", "/v1/landscape", {"network": {"layers": layers, **change}, "data": data})
    if pointer is None:
        assert reply.status == 200
        return
    assert reply.status == 422
    assert reply.json["errors"][0]["pointer"] == pointer
    assert word in reply.json["errors"][0]["detail"]


def test_what_is_refused(base: str) -> None:
    reply = call(base, "POST", "/v1/landscape", {**RELU, "include": ["everything"]})
    assert reply.status == 422
    assert reply.json["errors"][0]["pointer"] == "/include/0"
