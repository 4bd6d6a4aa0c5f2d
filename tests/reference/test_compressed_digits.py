"""A network trained on the bundled Digits at half of its numbers: layer errors and accuracy, beside uniform ranks."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from service.core.ground.numbers.arrays import FloatArray
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.asking import ask
from service.operations.mapping.examples import load
from service.settings import Limits

WIDTHS = (64, 48, 48, 10)
TRAIN = 1200
STEPS = 200
RATE = 5e-3


def forward(x: FloatArray, weights: Sequence[FloatArray]) -> list[FloatArray]:
    """What each layer reads, and the outputs."""
    found = [x]
    for matrix in weights[:-1]:
        found.append(np.maximum(found[-1] @ matrix.T, 0.0))
    return [*found, found[-1] @ weights[-1].T]


def train(x: FloatArray, classes: FloatArray) -> list[FloatArray]:
    """Adam on the cross-entropy of all samples, from one start."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(out, into)) * np.sqrt(2.0 / into) for into, out in pairwise(WIDTHS)]
    first, second = ([np.zeros_like(matrix) for matrix in weights] for _ in range(2))
    for step in range(1, STEPS + 1):
        read = forward(x, weights)
        shares = np.exp(read[-1] - read[-1].max(axis=1, keepdims=True))
        error = (shares / shares.sum(axis=1, keepdims=True) - classes) / len(x)
        for place in reversed(range(len(weights))):
            gradient = error.T @ read[place]
            error = (error @ weights[place]) * (read[place] > 0.0)
            first[place] = 0.9 * first[place] + 0.1 * gradient
            second[place] = 0.999 * second[place] + 0.001 * gradient**2
            rate = RATE * np.sqrt(1.0 - 0.999**step) / (1.0 - 0.9**step)
            weights[place] = weights[place] - rate * first[place] / (np.sqrt(second[place]) + 1e-8)
    return weights


def accuracy(x: FloatArray, labels: Any, weights: Sequence[FloatArray]) -> float:
    return float(np.mean(forward(x, weights)[-1].argmax(axis=1) == labels))


def replaced(weights: Sequence[FloatArray], read: Sequence[FloatArray], **asked: Any) -> tuple[Any, list[FloatArray]]:
    """The answer, and the matrices that take the place of the weights."""
    layers = [
        {"name": str(place), "weights": matrix, "activations": {"kind": "samples", "x": x}}
        for place, (matrix, x) in enumerate(zip(weights, read, strict=False))
    ]
    question = ask("compression", {"layers": layers, "return": {"factors": True}, **asked}, Limits())
    assert question.loaded.work is not None
    found: Any = decode(run_inline(question.plan(Limits()), question.loaded.work.guarded()))
    products = [
        matrix if layer["factors"] is None else layer["factors"]["left"] @ layer["factors"]["right"]
        for matrix, layer in zip(weights, found["layers"], strict=True)
    ]
    return found, products


def test_half_of_the_numbers_cost_little_and_less_than_uniform_ranks() -> None:
    loaded = load("digits", raw=True)
    order = np.random.default_rng(1).permutation(len(loaded.x))
    x, labels = loaded.x[order] / 16.0, loaded.y[order, 0].astype(int)
    weights = train(x[:TRAIN], np.eye(10)[labels[:TRAIN]])
    read = forward(x[:TRAIN], weights)
    before = accuracy(x[TRAIN:], labels[TRAIN:], weights)
    assert before > 0.93
    chosen, ours = replaced(weights, read, budget=0.5, weighting="relative")
    ranks = [int(0.5 * matrix.size / sum(matrix.shape)) for matrix in weights]
    uniform, theirs = replaced(weights, read, ranks=ranks, weighting="relative")
    assert chosen["total"]["numbers_after"] <= 0.5 * chosen["total"]["numbers_before"]
    assert chosen["total"]["error"] < 0.5 * uniform["total"]["error"]
    for layer, matrix, product, seen in zip(chosen["layers"], weights, ours, read, strict=False):
        assert np.sum((seen @ (matrix - product).T) ** 2) / TRAIN == pytest.approx(layer["error"], abs=1e-9)
    after, beside = (accuracy(x[TRAIN:], labels[TRAIN:], each) for each in (ours, theirs))
    assert after > before - 0.03
    assert after > beside
