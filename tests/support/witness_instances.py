"""Networks for each witness, as bodies of requests: at least five different ones each, inputs without repeats."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SHAPES = [(6, 1, 3), (9, 2, 2), (12, 2, 4), (7, 3, 5), (10, 4, 3)]
"""Samples, inputs and hidden width of the five networks of a kind."""


def instances(rounds: int = 1) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs of the witness that must be among those of the answer, and the body; five of each in a round."""
    for seed, (n, inputs, width) in enumerate(SHAPES * rounds):
        x, y = _data(seed, n, inputs, 1)
        _, two = _data(seed, n, inputs, 2)
        relu, tanh, linear = {"activation": "relu"}, {"activation": "tanh"}, {"activation": "linear"}
        leaky = {"activation": "leaky_relu", "slope": 0.2}
        yield "W1", _body(x, y, [width] * (1 + seed % 2), 1, leaky if seed % 2 else relu, bias="all")
        yield "W2", _body(x, two, [width, width], 2, relu, bias="all")
        smooth = {"activation": ("tanh", "sigmoid", "softplus")[seed % 3]}
        more, targets = _data(seed, n + 6, 1 + seed % 2, 1 + seed // 5 % 2)
        # the search seldom succeeds for softplus with biases
        bias = "none" if seed % 3 == 2 else ("none", "hidden", "all")[seed // 2 % 3]
        yield "W3", _body(more, targets, [width], targets.shape[1], smooth, bias=bias)
        yield "W4", _body(x, two, [width, width], 2, relu if seed % 2 else linear, decay=1e-3)
        yield "W4", _noisy(seed, x[:, :2], two)
        yield "W5", _body(x, two, [width, width], 2, linear)
        yield "W6", _body(x, y, [width], 1, linear)
        yield "W7", _body(x, two, [n + width], 2, tanh, bias="all")
        yield "W8", _labelled(seed, x, width)
        smooth_body = _body(more, targets, [width], targets.shape[1], smooth)
        yield "W9", smooth_body if seed % 2 else _body(x, y, [width], 1, relu, bias="all")
        yield "W10", _white(seed, width)
        yield "W11", _weighted(seed)
        yield "W12", _body(x[:, :2], y, [n + 2], 1, relu, decay=0.05, bias="hidden" if seed % 2 else "none")
        yield "W13", _fixed_signs(seed, n, inputs + 1)


def _noisy(seed: int, x: Array, y: Array) -> dict[str, Any]:
    """Linear layers of few neurons, so that every draw of the noise can be tried."""
    body = _body(x, y, [3, 2] if seed % 2 else [3, 2, 2], 2, {"activation": "linear"}, decay=1e-3)
    body["network"]["bias"] = ("none", "output")[seed // 2 % 2]
    kinds = ({"kind": "dropout", "rate": 0.2}, {"kind": "gaussian", "variance": 0.3})
    body["network"]["layers"][seed % 2]["noise"] = kinds[seed % 2]
    body["network"]["layers"][0]["noise"] = kinds[seed // 2 % 2]
    if seed % 2:
        body["network"]["input_noise"] = kinds[0]
    return body


def _data(seed: int, n: int, inputs: int, outputs: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, inputs))
    return x, x @ rng.normal(size=(inputs, outputs)) + 0.7 * rng.normal(size=(n, outputs))


def _body(
    x: Array,
    y: Array,
    widths: list[int],
    outputs: int,
    hidden: dict[str, Any],
    *,
    decay: float = 0.0,
    bias: str = "none",
) -> dict[str, Any]:
    layers = [{"width": width, "weight_decay": decay, **hidden} for width in widths]
    network: dict[str, Any] = {"layers": [*layers, {"width": outputs, "weight_decay": decay}], "bias": bias}
    if bias != "none":
        network["bias_weight_decay"] = decay
    return {"network": network, "data": {"kind": "samples", "x": x.tolist(), "y": y.tolist()}, "include": ["witnesses"]}


def _labelled(seed: int, x: Array, width: int) -> dict[str, Any]:
    """Classes that a linear map separates, under each of the losses that have their infimum at infinity."""
    classes = seed % 3 == 2 and x.shape[1] > 1
    count = 3 if classes else 2
    labels = np.zeros(len(x))
    for attempt in range(100):
        truth = x @ np.random.default_rng(50 * seed + attempt).normal(size=(x.shape[1], count if classes else 1))
        labels = np.argmax(truth, axis=1) if classes else np.sign(truth[:, 0])
        if len(np.unique(labels)) == count:
            break
    body = _body(x, labels, [max(width, 3), 4], 3 if classes else 1, {"activation": "linear"})
    body["data"]["y"] = labels.astype(int).tolist()
    body["data"]["task"] = "classification"
    body["objective"] = {"loss": "cross_entropy" if classes else ("logistic", "exponential")[seed % 2]}
    return body


def _white(seed: int, width: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x = np.linalg.qr(rng.normal(size=(9, 2)))[0] * 3.0
    y = x @ rng.normal(size=(2, 2)) + 0.3 * rng.normal(size=(9, 2))
    return _body(x, y, [min(width, 3)] * (1 + seed % 3), 2, {"activation": "linear"}, decay=0.03)


def _weighted(seed: int) -> dict[str, Any]:
    """Two by two targets near the identity whose off-diagonal entries hardly count: two signs, two minima."""
    rng = np.random.default_rng(seed)
    small, light = rng.uniform(0.1, 0.3), rng.uniform(0.02, 0.08)
    y = np.array([[1.0, small], [small, rng.uniform(0.9, 1.1)]])
    body = _body(np.eye(2), y, [1, 3][: 1 + seed % 2], 2, {"activation": "linear"})
    body["objective"] = {"loss": "weighted_squared", "weights": [[1.0, light], [light, 1.0]]}
    return body


def _fixed_signs(seed: int, n: int, inputs: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, inputs))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    width = 2_000
    signs = np.where(np.arange(width) % 2 == 0, 1.0, -1.0) / np.sqrt(width)
    body = _body(x, rng.normal(size=(n, 1)), [width], 1, {"activation": "relu"})
    body["network"]["layers"][1] = {"width": 1, "frozen_weights": [signs.tolist()]}
    return body
