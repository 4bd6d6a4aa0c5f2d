"""Networks that people train: how many verdicts are answered, by what, and the nearest rule of each that is not."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from service.operations.landscape import landscape, parse
from service.settings import Limits
from service.vocabulary import Property

Body = dict[str, Any]

AT_LEAST: Final = 110
AT_LEAST_PROVED: Final = 90
"""Verdicts that are not null, and those of them that are proved, of 26 times nine."""

CONV: Final = {"width": 1352, "kind": "conv", "kernel": [3, 3], "channels": 8, "in_channels": 1, "stride": 2}
NO_IMAGES: Final = {"kind": "none", "inputs": 784}
NO_CLASSES: Final = {**NO_IMAGES, "task": "classification"}
DIGITS: Final = {"kind": "example", "name": "digits"}
CLASSES: Final = {"loss": "cross_entropy"}
TORCH: Final = {"convention": "torch"}


def _layers(*widths: int, activation: str | None = None, decay: float = 0.0) -> list[Body]:
    """Hidden layers of one activation, and the output, all with one decay."""
    found: list[Body] = []
    for place, width in enumerate(widths):
        layer: Body = {"width": width}
        if activation is not None and place < len(widths) - 1:
            layer["activation"] = activation
        if decay:
            layer["weight_decay"] = decay
        found.append(layer)
    return found


def _regression(n: int = 100, inputs: int = 5) -> Body:
    rng = np.random.default_rng(2024)
    x = rng.normal(size=(n, inputs))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=n)
    return {"kind": "samples", "x": x.tolist(), "y": y.tolist()}


def _adapted(n: int = 50) -> Body:
    """Targets that a small weight update makes of inputs, and noise."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(n, 6))
    y = x @ rng.normal(size=(6, 4)) + 0.3 * rng.normal(size=(n, 4))
    return {"kind": "samples", "x": x.tolist(), "y": y.tolist()}


def _xor(**more: str) -> Body:
    return {"kind": "samples", "x": [[0, 0], [0, 1], [1, 0], [1, 1]], "y": [0, 1, 1, 0], **more}


def _asked(layers: list[Body], data: Mapping[str, Any], bias: str = "all", **more: Any) -> Body:  # fields of a request
    skips = {"skips": more.pop("skips")} if "skips" in more else {}
    body: Body = {"network": {"layers": layers, "bias": bias, **skips}, "data": dict(data)}
    if more:
        body["objective"] = more
    return body


def networks() -> dict[str, Body]:
    """Requests by what the network is."""
    samples, xor, signs = _regression(), _xor(), _xor(task="classification")
    block = _layers(16, 16, 16, 1, activation="relu")
    return {
        "MLP 784-512-512-10, cross-entropy, no data": _asked(
            _layers(512, 512, 10, activation="relu"), NO_CLASSES, **CLASSES
        ),
        "the same with decay as in torch": _asked(
            _layers(512, 512, 10, activation="relu", decay=1e-4), NO_CLASSES, **CLASSES, **TORCH
        ),
        "the same with squared loss": _asked(_layers(512, 512, 10, activation="relu"), NO_IMAGES),
        "Digits, 64 ReLU units": _asked(_layers(64, 10, activation="relu"), DIGITS, **CLASSES),
        "Digits, 32 and 32 ReLU units": _asked(_layers(32, 32, 10, activation="relu"), DIGITS, **CLASSES),
        "50 ReLU units, decay of weights": _asked(_layers(50, 1, activation="relu", decay=1e-3), samples),
        "the same with decay as in torch ": _asked(
            _layers(50, 1, activation="relu", decay=1e-3), samples, loss="squared", **TORCH
        ),
        "n + 1 ReLU units, decay, no biases": _asked(_layers(101, 1, activation="relu", decay=1e-3), samples, "none"),
        "tanh 32-32": _asked(_layers(32, 32, 1, activation="tanh"), samples),
        "tanh 32-32, decay of weights": _asked(_layers(32, 32, 1, activation="tanh", decay=1e-4), samples),
        "residual ReLU 16-16-16": _asked(block, samples, skips=[{"from": 1, "to": 3, "kind": "identity"}]),
        "block of a transformer, 512-2048-512": _asked(
            _layers(2048, 512, activation="relu"),
            {"kind": "none", "inputs": 512},
            skips=[{"from": 0, "to": 2, "kind": "identity"}],
        ),
        "linear autoencoder 784-32-784": _asked(_layers(32, 784), NO_IMAGES, "none"),
        "ReLU autoencoder": _asked(_layers(32, 784, activation="relu"), NO_IMAGES),
        "sigmoid autoencoder": _asked(_layers(32, 784, activation="sigmoid"), NO_IMAGES),
        "XOR, 2 ReLU units": _asked(_layers(2, 1, activation="relu"), xor),
        "XOR, 4 ReLU units": _asked(_layers(4, 1, activation="relu"), xor),
        "XOR, 5 ReLU units": _asked(_layers(5, 1, activation="relu"), xor),
        "XOR, 2 tanh units": _asked(_layers(2, 1, activation="tanh"), xor),
        "XOR, 2 sigmoid units, logistic": _asked(_layers(2, 1, activation="sigmoid"), signs, loss="logistic"),
        "XOR, 4 ReLU units, logistic": _asked(_layers(4, 1, activation="relu"), signs, loss="logistic"),
        "n + 1 ReLU units": _asked(_layers(101, 1, activation="relu"), samples),
        "n + 1 tanh units": _asked(_layers(101, 1, activation="tanh"), samples),
        "two linear layers of rank 2, as LoRA": _asked(_layers(2, 4), _adapted(), "none"),
        "the same with decay": _asked(_layers(2, 4, decay=1e-2), _adapted(), "none"),
        "CNN, one convolution": _asked([{**CONV, "activation": "relu"}, {"width": 10}], NO_CLASSES, **CLASSES),
    }


def _shown(value: bool | None, because: list[str]) -> str:
    return "" if value is None else f"{'yes' if value else 'no'} ({', '.join(because)})"


def report() -> str:
    """Raises where fewer are answered than this page promises, or a network without an answer names no rule."""
    counts: Counter[str] = Counter()
    rows, nearest = [], []
    for name, body in networks().items():
        verdicts = landscape(parse(body).request, Limits()).model_dump(mode="json")["verdicts"]
        counts["verdicts"] += len(verdicts)
        answered = [one for one in verdicts.values() if one["value"] is not None]
        counts["answered"] += len(answered)
        counts["proved"] += sum(one["evidence"] == "proved" for one in answered)
        cells = [_shown(one["value"], one["because"]) for one in verdicts.values()]
        rows.append(f"| {name.strip()} | {len(answered)} | {' | '.join(cells)} |")
        near = {
            f"{one['rule']} ({', '.join(lack['name'] for lack in one['missing'])})"
            for verdict in verdicts.values()
            if verdict["value"] is None
            for one in (verdict["nearest"] or [])[:1]
        }
        if not answered and not near:
            raise AssertionError(f"{name}: no verdict, and no rule is named")
        nearest.append(f"| {name.strip()} | {'; '.join(sorted(near))} |")
    if counts["answered"] < AT_LEAST or counts["proved"] < AT_LEAST_PROVED:
        raise AssertionError(f"only {dict(counts)}")
    lines = [
        f"{len(rows)} networks that people train, nine verdicts each: {counts['answered']} of {counts['verdicts']}",
        f"are answered, {counts['proved']} of them proved. [The rules](../../openapi/theorems.md) are named.",
        "",
        f"| network | answered | {' | '.join(f'`{about}`' for about in Property)} |",
        f"|---|---|{'---|' * len(Property)}",
        *rows,
        "",
        "What the nulls are nearest to, with what is missing:",
        "",
        "| network | rules |",
        "|---|---|",
        *nearest,
    ]
    return "\n".join(lines) + "\n"
