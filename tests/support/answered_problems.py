"""One small problem for every solver, status and model, on the wire: what `verify` is tried on."""

from typing import Any, Final

X: Final = [[1.0, 0.5], [-0.5, 1.0], [0.25, -1.5], [-1.0, 0.25], [0.5, 0.75]]
Y: Final = [[1.0, -0.5], [0.0, 1.0], [0.5, -1.0], [-1.5, 0.25], [1.0, 0.5]]
SAMPLES: Final = {"kind": "samples", "x": X, "y": Y}
ONE: Final = {"kind": "samples", "x": X, "y": [row[0] for row in Y]}
WHITE: Final = {"kind": "moments", "xx": [[1.0, 0.0], [0.0, 1.0]], "xy": [[2.0, 0.0], [0.0, 1.0]], "yy": 5.5}
ITSELF: Final = {"kind": "moments", "xx": [[2.0, 0.25], [0.25, 1.0]], "xy": [[2.0, 0.25], [0.25, 1.0]], "yy": 3.0}
NOISE: Final = {"kind": "gaussian", "variance": 0.5}
DECAYED: Final = {"width": 2, "weight_decay": 0.05}
NOISY: Final = {"width": 2, "weight_decay": 0.05, "noise": NOISE}
PLAIN: Final = {"width": 2}


def _network(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"layers": list(layers), **more}


def _out(layer: dict[str, Any]) -> dict[str, Any]:
    return {**layer, "width": 1}


PROBLEMS: Final[dict[str, dict[str, Any]]] = {
    "one output": {"network": _network(NOISY, DECAYED, _out(DECAYED)), "data": ONE},
    "one output, ridge": {"network": _network(_out(DECAYED)), "data": ONE},
    "one output, bias": {
        "network": _network(NOISY, _out(DECAYED), bias="output", bias_weight_decay=0.0),
        "data": {**ONE, "evaluation": {"kind": "samples", "x": [[1.0, 1.0]], "y": [1.0]}},
        "objective": {"convention": "torch"},
    },
    "one output, not attained": {"network": _network(NOISY, _out(PLAIN)), "data": ONE},
    "one output, collapsed": {
        "network": _network({**NOISY, "weight_decay": 9.0}, {**DECAYED, "width": 1, "weight_decay": 9.0}),
        "data": ONE,
    },
    "several outputs, not attained": {"network": _network(DECAYED, PLAIN), "data": SAMPLES},
    "reduced rank": {"network": _network({"width": 1}, PLAIN, bias="output"), "data": SAMPLES},
    "factorisation": {"network": _network(DECAYED, DECAYED, DECAYED), "data": WHITE},
    "autoencoder": {"network": _network(DECAYED, DECAYED), "data": ITSELF},
    "dropout": {"network": _network({**PLAIN, "noise": NOISE}, PLAIN), "data": SAMPLES},
    "noise, all biases": {"network": _network({**PLAIN, "noise": NOISE}, PLAIN, bias="all"), "data": SAMPLES},
    "uncentred noise": {
        "network": _network({"width": 3, "noise": NOISE}, PLAIN, bias="output"),
        "data": SAMPLES,
    },
    "nuclear norm": {"network": _network(DECAYED, DECAYED), "data": SAMPLES},
    "bottleneck of one": {"network": _network(_out(DECAYED), DECAYED), "data": SAMPLES},
    "deep": {"network": _network(DECAYED, {"width": 2, "weight_decay": 0.01}, DECAYED), "data": SAMPLES},
    "noisy": {"network": _network(NOISY, NOISY, DECAYED), "data": SAMPLES},
    "noisy without decay": {
        "network": _network({**PLAIN, "noise": NOISE}, {**PLAIN, "noise": NOISE}, PLAIN),
        "data": SAMPLES,
    },
    "features": {
        "network": _network(
            *({"width": 3, "weight_decay": 0.0225},) * 2,
            model="unconstrained_features",
            class_counts=[5, 3, 1],
            feature_weight_decay=0.0225,
        ),
        "data": {"kind": "none", "inputs": 4},
        "objective": {"convention": "half_mean"},
    },
    "variational": {
        "network": _network(PLAIN, model="linear_vae", latent=2, beta=1.5, decoder_variance=0.5),
        "data": ITSELF,
    },
    "variational, learned": {
        "network": _network(PLAIN, model="linear_vae", latent=1, bias="all"),
        "data": {**ITSELF, "x_mean": [0.5, 0.25], "y_mean": [0.5, 0.25]},
    },
    "frozen layer": {
        "network": _network({"width": 2, "frozen_weights": [[1.0, 0.5], [0.0, 2.0]]}, DECAYED, DECAYED),
        "data": SAMPLES,
    },
    "frozen layer, not attained": {
        "network": _network({"width": 2, "frozen_weights": [[1.0, 0.5], [0.0, 2.0]]}, DECAYED, PLAIN),
        "data": SAMPLES,
    },
    "frozen layer, bias": {
        "network": _network({"width": 2, "frozen_weights": [[1.0, 0.5], [0.0, 2.0]]}, DECAYED, DECAYED, bias="output"),
        "data": SAMPLES,
        "objective": {"convention": "half_sum"},
    },
    "skip": {
        "network": _network(DECAYED, DECAYED, skips=[{"from": 0, "to": 2, "kind": "trainable"}]),
        "data": SAMPLES,
    },
    "weighted": {
        "network": _network(DECAYED, DECAYED),
        "data": SAMPLES,
        "objective": {
            "loss": "weighted_squared",
            "weights": [[1.0, 1.0], [2.0, 2.0], [1.0, 1.0], [3.0, 3.0], [1.0, 1.0]],
        },
    },
    "logistic layer": {
        "network": _network(_out(DECAYED), bias="output"),
        "data": {"kind": "samples", "x": X, "y": [1, -1, 1, -1, -1]},
        "objective": {"loss": "logistic"},
    },
    "separated classes": {
        "network": _network(_out(PLAIN), bias="output"),
        "data": {"kind": "samples", "x": X, "y": [1, 0, 1, 0, 1]},
        "objective": {"loss": "logistic"},
    },
    "softmax layer": {
        "network": _network({**DECAYED, "width": 3}, bias="output", bias_weight_decay=0.01),
        "data": {"kind": "samples", "x": X, "y": [0, 1, 2, 1, 0]},
        "objective": {"loss": "cross_entropy"},
    },
    "quantile layer": {
        "network": _network(_out(DECAYED), bias="output"),
        "data": ONE,
        "objective": {"loss": "quantile", "tau": 0.3, "convention": "sum"},
    },
    "Huber layer": {
        "network": _network(DECAYED),
        "data": SAMPLES,
        "objective": {"loss": "huber", "delta": 0.5, "convention": "torch"},
    },
    "missing targets": {
        "network": _network(DECAYED, bias="output"),
        "data": {"kind": "samples", "x": X, "y": [[None, *Y[0][1:]], *Y[1:4], [Y[4][0], None]]},
    },
    "classes": {
        "network": _network(DECAYED, DECAYED, bias="output"),
        "data": {"kind": "samples", "x": X, "y": [0, 1, 0, 1, 1], "task": "classification"},
    },
}
