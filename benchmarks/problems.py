"""Random problems for the measurements: no two have the same numbers."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import orjson

INPUTS: Final = 10
SAMPLES: Final = 40


def problems(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Problems of ten inputs and two hidden layers of eight, dropout on the first, from moments of random data."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        x = rng.normal(size=(SAMPLES, INPUTS))
        y = x @ rng.normal(size=(INPUTS, 1)) / np.sqrt(INPUTS) + 0.3 * rng.normal(size=(SAMPLES, 1))
        first, second, last = rng.uniform(0.005, 0.1, 3).tolist()
        yield {
            "network": {
                "layers": [
                    {"width": 8, "weight_decay": first, "noise": {"kind": "dropout", "rate": 0.2}},
                    {"width": 8, "weight_decay": second},
                    {"width": 1, "weight_decay": last},
                ]
            },
            "data": {
                "kind": "moments",
                "xx": (x.T @ x / SAMPLES).tolist(),
                "xy": (x.T @ y / SAMPLES).tolist(),
                "yy": float((y * y).mean()),
            },
        }


def bodies(count: int, seed: int) -> list[bytes]:
    """The problems as JSON."""
    return [orjson.dumps(problem) for problem in problems(count, seed)]
