"""What is not covered comes with the nearest problem that is: applied as it stands, the patch is answered."""

import copy
from typing import Any

import numpy as np
import pytest

from tests.serving import call

RNG = np.random.default_rng(1)
X = RNG.normal(size=(30, 3)) + 2.0
DATA = {"kind": "samples", "x": X.tolist(), "y": RNG.normal(size=(30, 2)).tolist()}
DECAYED = [{"width": 3, "weight_decay": 0.1}, {"width": 2, "weight_decay": 0.1}]
UNCOVERED: dict[str, tuple[dict[str, Any], int]] = {
    "a tanh": ({"network": {"layers": [{"width": 3, "activation": "tanh"}, {"width": 2}]}, "data": DATA}, 1),
    "a leaky rectifier beside a tanh": (
        {
            "network": {
                "layers": [
                    {"width": 3, "activation": "leaky_relu", "slope": 0.1},
                    {"width": 3, "activation": "tanh"},
                    {"width": 2},
                ]
            },
            "data": DATA,
        },
        3,
    ),
    "decayed biases": ({"network": {"layers": DECAYED, "bias": "all", "bias_weight_decay": 0.1}, "data": DATA}, 1),
    "decayed biases of PyTorch": (
        {"network": {"layers": DECAYED, "bias": "all"}, "data": DATA, "objective": {"convention": "torch"}},
        1,
    ),
    "decayed biases of a tanh": (
        {
            "network": {
                "layers": [{**DECAYED[0], "activation": "tanh"}, DECAYED[1]],
                "bias": "all",
                "bias_weight_decay": 0.1,
            },
            "data": DATA,
        },
        2,
    ),
    "a kept skip": (
        {
            "network": {
                "layers": [{"width": 3, "weight_decay": 0.1}, {"width": 3, "weight_decay": 0.1}, DECAYED[1]],
                "skips": [{"from": 1, "to": 2, "kind": "identity"}],
            },
            "data": DATA,
        },
        1,
    ),
}


def patched(document: Any, patch: list[dict[str, Any]]) -> Any:
    """The document after a patch of `add` and `remove` at members of objects."""
    document = copy.deepcopy(document)
    for step in patch:
        *parents, last = step["path"].removeprefix("/").split("/")
        at = document
        for name in parents:
            at = at[int(name)] if isinstance(at, list) else at[name]
        if step["op"] == "add":
            at[last] = step["value"]
        else:
            del at[last]
    return document


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", UNCOVERED)
def test_the_patch_makes_a_problem_that_is_answered(name: str, wrapped: bool, base: str) -> None:
    problem, changes = UNCOVERED[name]
    body = {"problem": problem} if wrapped else problem
    refused = call(base, "POST", "/v1/minima", body)
    assert (refused.status, refused.json["type"]) == (422, "/problems/not-covered"), refused.content
    patch = refused.json["nearest"]["patch"]
    assert len(patch) == changes
    assert call(base, "POST", "/v1/minima", patched(body, patch)).status == 200


def test_in_a_batch_the_patch_is_of_the_body_as_a_whole(base: str) -> None:
    listed = [UNCOVERED["a tanh"][0], {"problem": UNCOVERED["decayed biases"][0]}]
    for wanted in ({}, {"return": ["loss"]}):
        body = {"problems": listed, **wanted}
        found = call(base, "POST", "/v1/minima/batch", body).json
        refused = found["refused"] if wanted else found["answers"]
        for entry in refused:
            body = patched(body, entry["nearest"]["patch"])
        again = call(base, "POST", "/v1/minima/batch", body).json
        assert "refused" not in again if wanted else all("global_minimum" in each for each in again["answers"])


def test_what_has_no_near_problem_has_an_operation_that_answers(base: str) -> None:
    noise = {"kind": "dropout", "rate": 0.5}
    body = {"network": {"layers": [{"width": 4, "activation": "tanh", "noise": noise}, {"width": 2}]}, "data": DATA}
    point = {"weights": [RNG.normal(size=(4, 3)).tolist(), RNG.normal(size=(2, 4)).tolist()]}
    refused = call(base, "POST", "/v1/diagnose", {**body, **point}).json
    assert refused["nearest"] == {"operation": "/v1/landscape"}
    assert call(base, "POST", "/v1/landscape", body).status == 200


@pytest.mark.parametrize("name", UNCOVERED)
def test_the_sentence_names_what_failed_and_no_solver(name: str, base: str) -> None:
    detail = call(base, "POST", "/v1/minima", UNCOVERED[name][0]).json["detail"]
    assert detail.startswith("no exact result covers this problem: ")
    assert "(" not in detail
