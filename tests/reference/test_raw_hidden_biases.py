"""Biases of hidden layers far from zero: loss and bounds against the returned numbers in rational arithmetic."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tests.support.exact_numbers import Floats
from tests.support.raw_runs import answered

COUNT, DEVIATION = 12, 1e-4


def asked(offset: float, width: int, outputs: int, seed: int) -> tuple[Floats, Floats, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(COUNT, 2)) + offset
    y = (x - offset) @ rng.normal(size=(2, outputs)) + DEVIATION * rng.normal(size=(COUNT, outputs))
    layers = [{"width": width, "weight_decay": 0.0}, {"width": outputs, "weight_decay": 0.0}]
    problem = {
        "network": {"layers": layers, "bias": "all"},
        "data": {"kind": "samples", "x": x.tolist(), "y": y.tolist()},
        "objective": {"convention": "mean"},
    }
    return x, y, answered({"problem": problem, "return": {"weights": "full"}})


def objective_of(minimum: dict[str, Any], x: Floats, y: Floats) -> Fraction:
    """Mean squared error of the returned weights and biases."""
    total = Fraction(0)
    for row, targets in zip(x.tolist(), y.tolist(), strict=True):
        state = [Fraction(entry) for entry in row]
        for weight, bias in zip(minimum["weights"], minimum["biases"], strict=True):
            state = [
                sum((Fraction(a) * b for a, b in zip(line, state, strict=True)), Fraction(constant))
                for line, constant in zip(weight, bias, strict=True)
            ]
        total += sum(((Fraction(t) - s) ** 2 for t, s in zip(targets, state, strict=True)), Fraction(0))
    return total / len(x)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("width", [1, 3, 50])
@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
def test_the_upper_bound_is_that_of_the_returned_biases(offset: float, width: int, outputs: int) -> None:
    for seed in range(2):
        x, y, answer = asked(offset, width, outputs, seed)
        minimum, certificate = answer["global_minimum"], answer["certificate"]
        true = objective_of(minimum, x, y)
        assert Fraction(certificate["upper_bound"]) >= true
        assert abs(Fraction(minimum["loss"]) - true) <= Fraction(1, 10**9) * true
        assert answer["status"] in ("exact", "certified")
