"""Problems of every kind that minima are known of, each drawn by a generator of random numbers."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from tests.support.answers import numbers
from tests.support.answers.numbers import Json

Draw = Callable[[np.random.Generator], Json]
CONVENTIONS: Final = ("mean", "half_mean", "sum", "half_sum", "torch")


def with_convention(rng: np.random.Generator, problem: Json) -> Json:
    """The problem, perhaps in another convention than the core's."""
    if rng.random() < 0.4:
        problem.setdefault("objective", {})["convention"] = str(rng.choice(CONVENTIONS))
    return problem


def one_output(rng: np.random.Generator) -> Json:
    network = {"layers": numbers.layers(rng, int(rng.integers(0, 5)), 1, noisy=0.4)}
    return with_convention(rng, {"network": numbers.bias(rng, network), "data": numbers.data(rng, 1)})


def one_output_undecayed(rng: np.random.Generator) -> Json:
    layers = numbers.layers(rng, int(rng.integers(1, 4)), 1, decayed=False, noisy=0.5)
    return {"network": numbers.bias(rng, {"layers": layers}), "data": numbers.data(rng, 1)}


def input_noise(rng: np.random.Generator) -> Json:
    network = {"layers": numbers.layers(rng, int(rng.integers(0, 3)), 1), "input_noise": numbers.noise(rng)}
    return with_convention(rng, {"network": network, "data": numbers.data(rng, 1)})


def reduced_rank(rng: np.random.Generator) -> Json:
    outputs = int(rng.integers(2, 4))
    network = {"layers": numbers.layers(rng, int(rng.integers(0, 3)), outputs, decayed=False)}
    return with_convention(rng, {"network": numbers.bias(rng, network), "data": numbers.data(rng, outputs)})


def two_decayed(rng: np.random.Generator) -> Json:
    outputs = int(rng.integers(2, 4))
    network = {"layers": numbers.layers(rng, 1, outputs)}
    return with_convention(rng, {"network": numbers.bias(rng, network, 0.2), "data": numbers.data(rng, outputs)})


def white(rng: np.random.Generator) -> Json:
    """Deep, decayed, on inputs whose second moments are the identity."""
    inputs, outputs = int(rng.integers(2, 6)), int(rng.integers(2, 4))
    xy = np.round(rng.normal(size=(inputs, outputs)), 2)
    yy = round(float(np.sum(xy * xy)) + 0.5, 6)
    data = {"kind": "moments", "xx": np.eye(inputs).tolist(), "xy": xy.tolist(), "yy": yy}
    layers = numbers.layers(rng, int(rng.integers(1, 4)), outputs)
    for layer in layers:
        layer["weight_decay"] = 0.1
    return {"network": {"layers": layers}, "data": data}


def itself(rng: np.random.Generator) -> Json:
    """A decayed autoencoder."""
    n, inputs, _ = numbers.sizes(rng, 1)
    x, _ = numbers.table(rng, n, inputs + 1, 1)
    data = numbers.moments(x, x)
    data["xy"] = data["xx"]
    decay = numbers.decay(rng)
    return {
        "network": {
            "layers": [
                {"width": int(rng.integers(1, inputs + 2)), "weight_decay": decay},
                {"width": inputs + 1, "weight_decay": decay},
            ]
        },
        "data": data,
    }


def dropout(rng: np.random.Generator) -> Json:
    outputs = int(rng.integers(2, 4))
    layers = numbers.layers(rng, 1, outputs, decayed=False)
    layers[0] = {"width": int(rng.integers(1, 5)), "noise": numbers.noise(rng)}
    network: Json = {"layers": layers}
    if rng.random() < 0.4:
        network["bias"] = str(rng.choice(["output", "all"]))
    return with_convention(rng, {"network": network, "data": numbers.data(rng, outputs)})


def bottleneck_of_one(rng: np.random.Generator) -> Json:
    layers = numbers.layers(rng, int(rng.integers(1, 3)), 2, noisy=0.3)
    layers[0]["width"] = 1
    return {"network": {"layers": layers}, "data": numbers.data(rng, 2)}


def deep(rng: np.random.Generator) -> Json:
    layers = numbers.layers(rng, int(rng.integers(2, 4)), 2)
    return with_convention(rng, {"network": {"layers": layers}, "data": numbers.data(rng, 2)})


def noisy(rng: np.random.Generator) -> Json:
    layers = numbers.layers(rng, 2, 2)
    layers[0] |= {"noise": numbers.noise(rng), "width": int(rng.integers(1, 4))}
    return {"network": {"layers": layers}, "data": numbers.data(rng, 2)}


def features(rng: np.random.Generator) -> Json:
    counts = sorted((int(c) for c in rng.integers(1, 60, size=int(rng.integers(2, 5)))), reverse=True)
    layers = [{"width": 6, "weight_decay": 1e-3}] * int(rng.integers(0, 2))
    network: Json = {
        "model": "unconstrained_features",
        "class_counts": counts,
        "feature_weight_decay": float(f"{10.0 ** rng.uniform(-5, -2):.2g}"),
        "layers": [*layers, {"width": len(counts), "weight_decay": 1e-3}],
    }
    if rng.random() < 0.4:
        network["bias"] = "output"
    data = {"kind": "none", "inputs": int(rng.integers(2, 9))}
    return {"network": network, "data": data, "objective": {"convention": str(rng.choice(["mean", "half_mean"]))}}


def variational(rng: np.random.Generator) -> Json:
    n, inputs, _ = numbers.sizes(rng, 1)
    x, _ = numbers.table(rng, n, inputs + 1, 1)
    data = numbers.moments(x, x)
    data |= {"xy": data["xx"], "y_mean": data["x_mean"]}
    network: Json = {
        "model": "linear_vae",
        "latent": int(rng.integers(1, inputs + 1)),
        "beta": round(float(rng.uniform(0.5, 2.0)), 2),
        "layers": [{"width": inputs + 1}],
    }
    if rng.random() < 0.6:
        network["decoder_variance"] = round(float(rng.uniform(0.1, 1.0)), 2)
    if rng.random() < 0.4:
        network["bias"] = "all"
    return {"network": network, "data": data}


def frozen(rng: np.random.Generator) -> Json:
    """A frozen first or last layer."""
    outputs = int(rng.integers(1, 3))
    data = numbers.data(rng, outputs, "samples", evaluated=0.0)
    layers = numbers.layers(rng, 2, outputs)
    at, inputs = (0, len(data["x"][0])) if rng.random() < 0.7 else (2, layers[1]["width"])
    width = layers[at]["width"]
    layers[at] = {"width": width, "frozen_weights": numbers.matrix(rng, width, inputs)}
    network: Json = {"layers": layers}
    if at == 0 and rng.random() < 0.3:
        network["bias"] = "output"
    return with_convention(rng, {"network": network, "data": data})


def skip(rng: np.random.Generator) -> Json:
    outputs = int(rng.integers(1, 3))
    source = {"from": 0, "to": 2, "kind": "trainable"}
    if rng.random() < 0.5:
        source["weight_decay"] = numbers.decay(rng)
    data = numbers.data(rng, outputs, evaluated=0.0)
    return {"network": {"layers": numbers.layers(rng, 1, outputs), "skips": [source]}, "data": data}


def weighted(rng: np.random.Generator) -> Json:
    outputs = int(rng.integers(1, 4))
    data = numbers.data(rng, outputs, "samples", evaluated=0.0)
    rows = len(data["x"])
    drawn = np.round(rng.uniform(0.5, 3.0, size=outputs), 2)
    each = [drawn.tolist()] * rows if rng.random() < 0.5 else None
    objective = {"loss": "weighted_squared", "weights": each or drawn.tolist()}
    # errors weighted by output reduce to plain ones where no layer is decayed
    layers = numbers.layers(rng, 1, outputs, decayed=each is not None)
    return {"network": {"layers": layers}, "data": data, "objective": objective}


def labelled(rng: np.random.Generator) -> Json:
    count = int(rng.integers(2, 5))
    network = {"layers": numbers.layers(rng, int(rng.integers(0, 2)), 1 if count == 2 else count)}
    return with_convention(rng, {"network": numbers.bias(rng, network), "data": numbers.classes(rng, count)})


def bundled(rng: np.random.Generator) -> Json:
    """A real data set, as it is served or raw."""
    name, outputs = [("diabetes", 1), ("wine", 3), ("breast_cancer", 1)][int(rng.integers(0, 3))]
    data: Json = {"kind": "example", "name": name}
    if rng.random() < 0.4:
        data["raw"] = True
        if rng.random() < 0.7:
            data["standardise"] = True
    hidden = 1 if outputs > 1 else int(rng.integers(1, 4))
    layers = numbers.layers(rng, hidden, outputs, noisy=0.4 if outputs == 1 else 0.0)
    for layer in layers[:-1]:
        layer["width"] *= 8
    network: Json = {"layers": layers}
    if rng.random() < 0.5:
        network["bias"] = "output"
    return with_convention(rng, {"network": network, "data": data})


def standardised(rng: np.random.Generator) -> Json:
    outputs = int(rng.integers(1, 3))
    data = numbers.data(rng, outputs, "samples", evaluated=0.0)
    shift = np.round(rng.uniform(-3.0, 3.0, size=len(data["x"][0])), 1)
    data["x"] = np.round(np.asarray(data["x"]) * 1000.0 + 1e4 * shift, 0).tolist()
    data["standardise"] = True
    network: Json = {"layers": numbers.layers(rng, 1, outputs), "bias": str(rng.choice(["none", "output"]))}
    return {"network": network, "data": data}


def units(rng: np.random.Generator) -> Json:
    """Inputs of extreme sizes, or dependent ones."""
    outputs = int(rng.integers(1, 3))
    n, inputs, _ = numbers.sizes(rng, outputs)
    x, y = numbers.table(rng, n, inputs + 1, outputs)
    x = np.column_stack([x * 10.0 ** float(rng.choice([-35.0, -6.0, 6.0, 35.0])), x[:, 0]])
    layers = numbers.layers(rng, 1, outputs, decayed=bool(rng.random() < 0.6))
    return {"network": {"layers": layers}, "data": numbers.samples(x, y)}


def collapsed(rng: np.random.Generator) -> Json:
    """Decay so large that zero is the minimum."""
    outputs = int(rng.integers(1, 3))
    layers = numbers.layers(rng, int(rng.integers(1, 3)), outputs)
    for layer in layers:
        layer["weight_decay"] = 50.0
    return {"network": {"layers": layers}, "data": numbers.data(rng, outputs)}


def deep_classes(rng: np.random.Generator) -> Json:
    """Integer labels as one-hot targets of a network with a bottleneck."""
    layers = numbers.layers(rng, 2, 3, decayed=False)
    layers[0]["width"] = 2
    return {"network": {"layers": layers, "bias": "output"}, "data": numbers.classes(rng, 3)}


KINDS: Final[Mapping[str, tuple[Draw, int]]] = {
    "one output": (one_output, 15),
    "one output without decay": (one_output_undecayed, 4),
    "noise on the inputs": (input_noise, 3),
    "reduced rank": (reduced_rank, 6),
    "two decayed layers": (two_decayed, 8),
    "white inputs": (white, 4),
    "autoencoder": (itself, 3),
    "noise without decay": (dropout, 5),
    "bottleneck of one": (bottleneck_of_one, 3),
    "deep": (deep, 5),
    "noise and decay": (noisy, 5),
    "free features": (features, 6),
    "variational autoencoder": (variational, 5),
    "frozen layer": (frozen, 6),
    "skip": (skip, 6),
    "weighted errors": (weighted, 6),
    "classes": (labelled, 5),
    "classes through a bottleneck": (deep_classes, 1),
    "bundled data": (bundled, 8),
    "standardised": (standardised, 3),
    "extreme units": (units, 5),
    "collapsed": (collapsed, 3),
}
"""How each kind is drawn, and how many."""

RETURNS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"return": {"weights": "factors"}},
    {"return": {"weights": "full", "problem": True}},
    {"include": ["flatness", "hessian", "layer_norms", "learning_coefficient", "subnetworks"]},
)
