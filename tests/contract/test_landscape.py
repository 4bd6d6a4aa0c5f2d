"""`/v1/landscape` over HTTP: what is promised about its form, on legal but degenerate problems too."""

from typing import Any

import pytest

from service.web.examples import LANDSCAPE
from tests.serving import call

RELU = LANDSCAPE["ReLU with biases on a few samples"]
VERDICTS = {
    "no_spurious_local_minima", "no_spurious_valleys", "no_bad_basins", "no_bad_strict_minima", "spurious_minima_exist",
    "all_saddles_strict", "sublevel_sets_connected", "minimum_attained", "descent_path_to_infinity",
}  # fmt: skip


def summary(base: str, body: object) -> Any:
    reply = call(base, "POST", "/v1/landscape", body)
    assert reply.status == 200, reply.content
    return reply.json


@pytest.mark.parametrize("name", LANDSCAPE)
def test_examples_are_answered(base: str, name: str) -> None:
    answer = summary(base, LANDSCAPE[name])
    assert set(answer["verdicts"]) == VERDICTS
    assert len({rule["id"] for rule in answer["rules"]}) == len(answer["rules"])
    for rule in answer["rules"]:
        for finding in rule["hypotheses"]:
            assert finding["holds"] is True or finding["reason"]


def test_every_null_has_a_reason(base: str) -> None:
    answer = summary(base, LANDSCAPE["a linear network, without data"])
    for part in ("facts", "origin"):
        nulls = {name for name, value in answer[part].items() if value is None and name != "evidence"}
        assert nulls == set(answer[part]["reasons"])
    assert answer["reasons"].keys() >= {"thresholds", "reduced_curve", "barcode"}
    assert answer["verdicts"]["no_spurious_local_minima"]["value"] is True


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
        {"x": [[1.0, 2.0], [3.0, 1.0]], "y": [1.0, 1.0]},
        {"x": [[0.0, 2.0], [0.0, 1.0]], "y": [1.0, 2.0]},
        {"x": [[0.0, 0.0], [0.0, 0.0]], "y": [1.0, 2.0]},
    ],
)
@pytest.mark.parametrize("activation", ["linear", "relu", "quadratic", "tanh"])
def test_degenerate_data_have_an_answer(base: str, change: dict[str, Any], activation: str) -> None:
    network = {"layers": [{"width": 3, "activation": activation}, {"width": 1}], "bias": "all"}
    answer = summary(base, {"network": network, "data": {"kind": "samples", **change}, "include": ["witnesses"]})
    assert all(item["verified"] for item in answer["witnesses"])


def test_what_is_refused(base: str) -> None:
    reply = call(base, "POST", "/v1/landscape", {**RELU, "include": ["everything"]})
    assert reply.status == 422
    assert reply.json["errors"][0]["pointer"] == "/include/0"
