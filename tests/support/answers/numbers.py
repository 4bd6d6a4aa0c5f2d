"""Random tables, networks and data on the wire, in numbers of few digits so that requests stay short."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

# Nothing of the service is imported here: the same questions go to any checkout of it.
FloatArray: TypeAlias = NDArray[np.float64]
Json: TypeAlias = dict[str, Any]
DECIMALS: Final = 3


def table(rng: np.random.Generator, samples: int, inputs: int, outputs: int) -> tuple[FloatArray, FloatArray]:
    """Inputs of unequal scales and targets that depend on them; ``(n, d)`` and ``(n, k)``."""
    x = rng.normal(size=(samples, inputs)) * 10.0 ** rng.uniform(-0.5, 0.5, size=inputs)
    y = x @ rng.normal(size=(inputs, outputs)) / np.sqrt(inputs) + 0.3 * rng.normal(size=(samples, outputs))
    return np.round(x, DECIMALS), np.round(y, DECIMALS)


def sizes(rng: np.random.Generator, outputs: int) -> tuple[int, int, int]:
    """Samples, inputs and outputs of a small table that is not singular."""
    inputs = int(rng.integers(1, 7))
    return int(rng.integers(inputs + outputs + 2, 25)), inputs, outputs


def samples(x: FloatArray, y: FloatArray) -> Json:
    """The table as it is; one target as a plain list."""
    return {"kind": "samples", "x": x.tolist(), "y": (y[:, 0] if y.shape[1] == 1 else y).tolist()}


def moments(x: FloatArray, y: FloatArray) -> Json:
    """Its second moments with means and number."""
    n = len(x)
    found = {"xx": x.T @ x / n, "xy": x.T @ y / n, "x_mean": x.mean(axis=0), "y_mean": y.mean(axis=0)}
    told = {name: np.round(value, 12).tolist() for name, value in found.items()}
    return {"kind": "moments", **told, "yy": round(float(np.sum(y * y)) / n, 12), "n": n}


def factor(x: FloatArray, y: FloatArray) -> Json:
    """Its triangular factor."""
    rows = np.column_stack([x, y])
    centred = rows - rows.mean(axis=0)
    scale = 2.0 ** np.round(np.log2(rows.std(axis=0)))
    r = np.linalg.qr(centred / scale, mode="r")
    means = np.round(rows.mean(axis=0), 12)
    return {
        "kind": "factor",
        "n": len(x),
        "x_mean": means[: x.shape[1]].tolist(),
        "y_mean": means[x.shape[1] :].tolist(),
        "scale": scale.tolist(),
        "r": np.round(r, 12).tolist(),
    }


FORMS: Final[Mapping[str, Callable[[FloatArray, FloatArray], Json]]] = {
    "samples": samples,
    "moments": moments,
    "factor": factor,
}


def data(rng: np.random.Generator, outputs: int, form: str | None = None, evaluated: float = 0.2) -> Json:
    """A random table in one of its forms, now and then with held-out data."""
    n, inputs, k = sizes(rng, outputs)
    chosen = str(rng.choice(list(FORMS))) if form is None else form
    found = FORMS[chosen](*table(rng, n, inputs, k))
    if rng.random() < evaluated:
        held_out = FORMS[str(rng.choice(list(FORMS)))](*table(rng, inputs + k + 3, inputs, k))
        found["evaluation"] = held_out
    return found


def classes(rng: np.random.Generator, count: int, form: str = "samples") -> Json:
    """A table whose target is a label; every class occurs."""
    n, inputs, _ = sizes(rng, count)
    labels = np.concatenate([np.arange(count), rng.integers(0, count, size=n)])
    x = rng.normal(size=(len(labels), inputs)) + 0.8 * rng.normal(size=(count, inputs))[labels]
    return {"kind": form, "x": np.round(x, DECIMALS).tolist(), "y": labels.tolist(), "task": "classification"}


def separable(rng: np.random.Generator, inputs: int = 2, samples: int = 8) -> Json:
    """Two classes of labels -1 and 1 that a map through the origin separates with a margin."""
    direction = rng.normal(size=inputs)
    direction /= np.linalg.norm(direction)
    y = np.where(np.arange(samples) % 2 == 0, 1, -1)
    x = rng.normal(size=(samples, inputs))
    x += np.outer(y * (0.7 + np.abs(x @ direction)) - x @ direction, direction)
    return {"kind": "samples", "x": np.round(x, DECIMALS).tolist(), "y": y.tolist(), "task": "classification"}


def decay(rng: np.random.Generator) -> float:
    """A weight decay between 1e-3 and 1, of two digits."""
    return float(f"{10.0 ** rng.uniform(-3.0, -0.3):.2g}")


def noise(rng: np.random.Generator) -> Json:
    """Dropout, or Gaussian noise."""
    if rng.random() < 0.5:
        return {"kind": "dropout", "rate": round(float(rng.uniform(0.05, 0.6)), 2)}
    return {"kind": "gaussian", "variance": round(float(rng.uniform(0.05, 1.0)), 2)}


def layers(rng: np.random.Generator, hidden: int, outputs: int, decayed: bool = True, noisy: float = 0.0) -> list[Json]:
    """Hidden layers of random widths and an output; each hidden one has noise with probability ``noisy``."""
    found: list[Json] = [{"width": int(rng.integers(1, 9))} for _ in range(hidden)]
    for layer in found:
        if rng.random() < noisy:
            layer["noise"] = noise(rng)
    found.append({"width": outputs})
    if decayed:
        for layer in found:
            layer["weight_decay"] = decay(rng)
    return found


def bias(rng: np.random.Generator, network: Json, likely: float = 0.3) -> Json:
    """The network, perhaps with biases, which may be decayed."""
    if rng.random() < likely:
        network["bias"] = str(rng.choice(["output", "output", "output", "all", "all", "hidden"]))
        if rng.random() < 0.15:
            network["bias_weight_decay"] = decay(rng)
    return network


def matrix(rng: np.random.Generator, rows: int, columns: int, scale: float = 1.0) -> list[list[float]]:
    """Normal entries of few digits."""
    entries: list[list[float]] = np.round(scale * rng.normal(size=(rows, columns)), DECIMALS).tolist()
    return entries


def weights(rng: np.random.Generator, problem: Json, scale: float = 1.0) -> list[list[list[float]]]:
    """Random weights of the right shapes for a problem with samples or moments."""
    held = problem["data"]
    inputs = held["inputs"] if "inputs" in held else len(held["xx"]) if "xx" in held else len(held["x"][0])
    widths = [inputs, *(layer["width"] for layer in problem["network"]["layers"])]
    return [matrix(rng, after, before, scale) for before, after in pairwise(widths)]
