"""Witnesses checked from the JSON of an answer alone: own forward pass, differences of losses, own descents.

Nothing of the service is imported: what is read is the posted body and the witness that came back.
"""

from itertools import pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Array = npt.NDArray[np.float64]
STEP = 1e-4


class Posed:
    """The objective of a posted body with samples, mean convention, as a function of one flat vector."""

    def __init__(self, body: dict[str, Any], targets: list[list[float]] | None = None) -> None:
        self.layers = body["network"]["layers"]
        self.bias_decay = body["network"].get("bias_weight_decay", 0.0)
        self.loss = body.get("objective", {}).get("loss", "squared")
        self.weights = np.array(body.get("objective", {}).get("weights", 1.0))
        self.x = np.array(body["data"]["x"], dtype=float)
        y = np.array(body["data"]["y"] if targets is None else targets, dtype=float)
        self.y = y[:, None] if y.ndim == 1 and self.loss != "cross_entropy" else y
        noises = [body["network"].get("input_noise"), *(layer.get("noise") for layer in self.layers)]
        widths = [self.x.shape[1], *(layer["width"] for layer in self.layers)]
        self.shares, self.factors = _every_draw(noises, widths)

    def outputs(self, point: dict[str, Any]) -> Array:
        """Outputs of the network, (n, k); under noise one such matrix for every draw of it."""
        values = self.x if self.factors is None else self.x * self.factors[0][:, None, :]
        for index, layer in enumerate(self.layers):
            bias = point["biases"][index]
            values = values @ np.array(point["weights"][index]).T + (0.0 if bias is None else np.array(bias))
            values = _activated(layer, values)
            values = values if self.factors is None else values * self.factors[index + 1][:, None, :]
        return values

    def value(self, point: dict[str, Any]) -> float:
        """The objective."""
        decay = sum(
            layer.get("weight_decay", 0.0) * np.sum(np.square(weight))
            for layer, weight in zip(self.layers, point["weights"], strict=True)
        )
        decay += sum(self.bias_decay * np.sum(np.square(bias)) for bias in point["biases"] if bias is not None)
        return float(self.data_loss(self.outputs(point)) + decay)

    def data_loss(self, outputs: Array) -> float:
        """Mean over samples, summed over outputs."""
        if self.factors is not None:
            return float(self.shares @ np.mean(np.sum((outputs - self.y) ** 2, axis=2), axis=1))
        if self.loss in ("squared", "weighted_squared"):
            return float(np.mean(np.sum(self.weights * (outputs - self.y) ** 2, axis=1)))
        if self.loss == "cross_entropy":
            labels = self.y.astype(int)
            others = np.arange(outputs.shape[1]) != labels[:, None]
            kept = outputs[np.arange(len(labels)), labels][:, None]
            return float(np.mean(np.log1p(np.sum(others * np.exp(outputs - kept), axis=1))))
        margins = self.y * outputs
        return float(np.mean(np.log1p(np.exp(-margins)) if self.loss == "logistic" else np.exp(-margins)))

    def trained(self, point: dict[str, Any]) -> Array:
        """One for each entry of the flat vector that is trained."""
        frozen = ["frozen_weights" in layer for layer in self.layers]
        parts = [np.full(np.size(weight), 1.0 - still) for weight, still in zip(point["weights"], frozen, strict=True)]
        return np.concatenate(parts + [np.ones(len(bias)) for bias in point["biases"] if bias is not None])


def _every_draw(noises: list[Any], widths: list[int]) -> tuple[Array, list[Array] | None]:
    """Probability of each draw of all noise together, and the factors of each layer in it, (draws, width).

    Dropout draws 0 or 1 / (1 - rate); noise of variance v stands for any, here 1 - sqrt(v) or 1 + sqrt(v).
    """
    places = []
    for noise, width in zip(noises, widths, strict=True):
        draws = [(1.0, 1.0)]
        if noise and noise["kind"] == "dropout":
            draws = [(noise["rate"], 0.0), (1.0 - noise["rate"], 1.0 / (1.0 - noise["rate"]))]
        elif noise:
            draws = [(0.5, 1.0 - noise["variance"] ** 0.5), (0.5, 1.0 + noise["variance"] ** 0.5)]
        places += [draws] * width
    if all(len(draws) == 1 for draws in places):
        return np.ones(1), None
    every = list(product(*places))
    shares = np.array([np.prod([share for share, _ in draw]) for draw in every])
    factors = np.array([[factor for _, factor in draw] for draw in every])
    return shares, np.split(factors, np.cumsum(widths)[:-1], axis=1)


def _activated(layer: dict[str, Any], values: Array) -> Array:
    kind = layer.get("activation", "linear")
    if kind == "relu":
        return values * (values > 0.0)
    if kind == "leaky_relu":
        return np.where(values > 0.0, values, layer["slope"] * values)
    if kind in ("sigmoid", "softplus"):
        return np.asarray(1.0 / (1.0 + np.exp(-values)) if kind == "sigmoid" else np.log1p(np.exp(values)))
    if kind == "quadratic":
        return values * values
    return np.tanh(values) if kind == "tanh" else values


def flat(point: dict[str, Any]) -> Array:
    """Weights, then biases, in one vector."""
    parts = [np.ravel(weight) for weight in point["weights"]]
    return np.concatenate(parts + [np.ravel(bias) for bias in point["biases"] if bias is not None]).astype(float)


def shaped(vector: Array, like: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `flat`."""
    at, found = 0, {"weights": [], "biases": []}  # type: ignore[var-annotated]  # nested lists of arrays
    for name in ("weights", "biases"):
        for part in like[name]:
            size = np.size(part) if part is not None else 0
            found[name].append(None if part is None else vector[at : at + size].reshape(np.shape(part)))
            at += size
    return found


def gradient(posed: Posed, point: dict[str, Any]) -> Array:
    """Central differences of the objective; zero for what is frozen."""
    start, mask = flat(point), posed.trained(point)
    steps = 1e-6 * np.eye(start.size)
    differences = [posed.value(shaped(start + s, point)) - posed.value(shaped(start - s, point)) for s in steps]
    return np.asarray(mask * np.array(differences) / 2e-6)


def hessian(posed: Posed, point: dict[str, Any]) -> Array:
    """Second differences of the objective."""
    start = flat(point)
    steps = STEP * np.eye(start.size)

    def at(vector: Array) -> float:
        return posed.value(shaped(vector, point))

    found = np.empty((start.size, start.size))
    for i, one in enumerate(steps):
        for j, other in enumerate(steps[: i + 1]):
            corners = at(start + one + other) - at(start + one - other) - at(start - one + other)
            found[i, j] = found[j, i] = (corners + at(start - one - other)) / (4.0 * STEP * STEP)
    return found


def check(body: dict[str, Any], witness: dict[str, Any]) -> None:
    """Raise unless the witness shows what it claims."""
    posed = Posed(body, witness.get("targets"))
    assert witness["verified"], witness["numbers"]
    CHECKS[witness["claim"]](posed, witness)


def _minimum(posed: Posed, witness: dict[str, Any]) -> None:
    _stationary(posed, witness)
    _no_fall(posed, witness)
    assert posed.value(witness["better"]) < posed.value(witness) * (1.0 - 1e-7)


def _stationary(posed: Posed, point: dict[str, Any]) -> None:
    assert np.linalg.norm(gradient(posed, point)) <= 1e-6 * max(1.0, posed.value(point))


def _no_fall(posed: Posed, point: dict[str, Any]) -> None:
    start, mask, value = flat(point), posed.trained(point), posed.value(point)
    rng = np.random.default_rng(99)
    for radius in (1e-2, 1e-3, 1e-4):
        # a flat family of minima is left at second order only, so that larger steps may not be used
        for _ in range(40):
            direction = mask * rng.normal(size=start.size)
            moved = start + 1e-1 * radius * direction / np.linalg.norm(direction)
            assert posed.value(shaped(moved, point)) >= value - 1e-12 * max(1.0, value)


def _saddle(posed: Posed, witness: dict[str, Any]) -> None:
    _stationary(posed, witness)
    values = [posed.value(witness), *(posed.value(corner) for corner in witness["path"])]
    assert all(after < before for before, after in pairwise(values))


def _non_strict(posed: Posed, witness: dict[str, Any]) -> None:
    _saddle(posed, witness)
    assert abs(np.linalg.eigvalsh(hessian(posed, witness))[0]) <= 1e-5


def _strict(posed: Posed, witness: dict[str, Any]) -> None:
    _saddle(posed, witness)
    assert np.linalg.eigvalsh(hessian(posed, witness))[0] < -1e-4


def _infinity(posed: Posed, witness: dict[str, Any]) -> None:
    values = [posed.value(corner) for corner in witness["path"]]
    norms = [float(np.linalg.norm(flat(corner))) for corner in witness["path"]]
    assert all(after < before for before, after in pairwise(values))
    assert all(after > before for before, after in pairwise(norms))


def _path(posed: Posed, witness: dict[str, Any]) -> None:
    corners = [flat(corner) for corner in witness["path"]]
    line = [one + t * (other - one) for one, other in pairwise(corners) for t in np.linspace(0.0, 1.0, 201)]
    values = [posed.value(shaped(vector, witness)) for vector in line]
    assert max(np.diff(values)) <= 1e-9 * max(1.0, values[0])
    # distinct inputs in these instances: the infimum is zero
    assert values[-1] <= 1e-9 * max(1.0, values[0])


def _moved(posed: Posed, witness: dict[str, Any]) -> None:
    _minimum(posed, witness)
    errors = posed.outputs(witness) - posed.y
    neuron = np.exp(posed.x @ np.array(witness["exponent"]))
    column = int(np.argmax(np.abs(errors.T @ neuron)))
    best = -(errors[:, column] @ neuron) / (neuron @ neuron)

    def augmented(weight: float, bias: float) -> float:
        moved = errors.copy()
        moved[:, column] += weight * np.exp(np.log(neuron) + bias)
        return float(np.mean(np.sum(moved**2, axis=1)) + weight**2)

    value = augmented(0.0, 0.0)
    assert abs(augmented(1e-6, 0.0) - augmented(-1e-6, 0.0)) > 1e-13 * max(1.0, value)
    values = [augmented(best * float(np.exp(-bias)), bias) for bias in np.linspace(0.0, 10.0, 101)]
    assert all(after < before for before, after in pairwise(values))
    assert values[-1] < value


def _classified(posed: Posed, witness: dict[str, Any]) -> None:
    assert len(witness["path"]) == len(witness["classes"]) > 1
    for point, kind in zip(witness["path"], witness["classes"], strict=True):
        _stationary(posed, point)
        least = np.linalg.eigvalsh(hessian(posed, point))[0]
        assert least < -1e-5 if kind == "strict_saddle" else least > -1e-5, (kind, least)
        if kind != "strict_saddle":
            _no_fall(posed, point)


def _global(posed: Posed, witness: dict[str, Any]) -> None:
    value, bound = posed.value(witness), witness["numbers"]["lower_bound"]
    assert bound * (1.0 - 1e-12) <= value <= bound * (1.0 + 1e-5)
    # wider networks do not get below the bound either
    first, second = (layer["weight_decay"] for layer in posed.layers)
    lifted = posed.x / np.sqrt(first)
    if witness["biases"][0] is not None:
        lifted = np.hstack([lifted, np.full((len(lifted), 1), 1.0 / np.sqrt(posed.bias_decay))])
    n, width, inputs = len(lifted), 2 * len(witness["weights"][0]), lifted.shape[1]

    def objective(vector: Array) -> tuple[float, Array]:
        weight, output = vector[: width * inputs].reshape(width, inputs), vector[width * inputs :]
        active = lifted @ weight.T > 0.0
        hidden = active * (lifted @ weight.T)
        errors = hidden @ output - posed.y[:, 0]
        loss = errors @ errors / n + np.sum(weight**2) + second * output @ output
        by_weight = 2.0 / n * ((errors[:, None] * active * output).T @ lifted) + 2.0 * weight
        return float(loss), np.concatenate([by_weight.ravel(), 2.0 / n * hidden.T @ errors + 2.0 * second * output])

    for seed in range(6):
        start = np.random.default_rng(seed).normal(size=width * (inputs + 1))
        assert minimize(objective, start, jac=True, method="L-BFGS-B").fun >= bound - 1e-9


def _contracting(posed: Posed, witness: dict[str, Any]) -> None:
    """Gradient descent of one ReLU layer below fixed output weights, written out."""
    weight, output = np.array(witness["weights"][0]), np.array(witness["weights"][1])[0]
    numbers, n = witness["numbers"], len(posed.x)
    values = []
    for _ in range(numbers["steps"] + 1):
        before = posed.x @ weight.T
        errors = (before * (before > 0.0)) @ output - posed.y[:, 0]
        values.append(float(errors @ errors) / n)
        pull = (errors[:, None] * (before > 0.0) * output).T @ posed.x
        weight = weight - numbers["step"] * 2.0 / n * pull
    assert all(value <= numbers["rate"] ** k * values[0] * (1.0 + 1e-9) for k, value in enumerate(values))
    assert 0.0 < numbers["rate"] < 1.0


CHECKS = {
    "spurious local minimum": _minimum,
    "saddle without negative curvature": _non_strict,
    "strict saddle with its escape": _strict,
    "decreasing path to infinity": _infinity,
    "non-increasing path to the infimum": _path,
    "spurious local minimum that an added exponential neuron moves to infinity": _moved,
    "critical points with their classes": _classified,
    "global minimum with its dual bound": _global,
    "gradient descent that contracts at the rate of the kernel": _contracting,
}
"""The check of each claim, by its words in the answer."""
