"""Every witness on at least five networks, checked from the answer's JSON by code that constructs none of them."""

import time
from collections import Counter
from typing import Any

import numpy as np
import pytest

from service.operations.landscape import landscape, parse
from service.settings import Limits
from tests.support.witness_checks import check
from tests.support.witness_instances import instances

INSTANCES = list(instances())
NAMES = [f"W{number}" for number in range(1, 14)]


def answer(body: dict[str, Any]) -> dict[str, Any]:
    return landscape(parse(body).request, Limits()).model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_witness_shows_what_it_claims(name: str) -> None:
    bodies = [body for wanted, body in INSTANCES if wanted == name]
    assert len(bodies) >= 5
    for body in bodies:
        found = {item["id"]: item for item in answer(body)["witnesses"]}
        assert name in found
        check(body, found[name])


def test_other_witnesses_of_the_same_networks_hold_too() -> None:
    seen: Counter[str] = Counter()
    for _, body in INSTANCES[1::5]:
        for item in answer(body)["witnesses"]:
            assert item["verified"], (item["id"], item["numbers"])
            seen[item["id"]] += 1
    assert len(seen) >= 5


def test_losses_and_steps_are_in_the_caller_s_convention() -> None:
    for name in ("W1", "W10", "W13"):
        body = next(body for wanted, body in INSTANCES if wanted == name)
        doubled = {**body, "objective": {"convention": "half_mean"}}
        layers = [
            {**layer, "weight_decay": 0.5 * layer.get("weight_decay", 0.0)} for layer in body["network"]["layers"]
        ]
        doubled["network"] = {**body["network"], "layers": layers}
        one, other = (
            next(item["numbers"] for item in answer(posed)["witnesses"] if item["id"] == name)
            for posed in (body, doubled)
        )
        for key in ("loss", "least_loss", "loss_at_the_end"):
            assert one.get(key, 0.0) == pytest.approx(2.0 * other.get(key, 0.0), rel=1e-9)
        for key in ("rate", "steps", "distance_from_kinks", "points", "kernel_least_eigenvalue"):
            assert one.get(key, 0.0) == pytest.approx(other.get(key, 0.0), rel=1e-12)
        assert one.get("step", 0.0) == pytest.approx(0.5 * other.get("step", 0.0))


@pytest.mark.parametrize("activation", ["relu", "tanh", "linear"])
def test_all_witnesses_of_a_large_request_are_quick(activation: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1_000, 10)), rng.normal(size=(1_000, 1))
    decay = 0.01 if activation == "linear" else 0.0
    layers = [{"width": 100, "activation": activation, "weight_decay": decay}] * 2 + [
        {"width": 1, "weight_decay": decay}
    ]
    bias = "none" if activation == "linear" else "all"
    body = {
        "network": {"layers": layers, "bias": bias},
        "data": {"kind": "samples", "x": x.tolist(), "y": y.tolist()},
        "include": ["witnesses"],
    }
    start = time.process_time()
    found = answer(body)["witnesses"]
    assert time.process_time() - start < 6.0
    assert all(item["verified"] for item in found)
