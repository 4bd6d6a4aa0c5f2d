"""What the part `flatness` adds to an answer about a minimum: the same body with and without it, in turn."""

import copy
import time
from statistics import median
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison
from service.operations.minima import minima, parse
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits

ROUNDS: Final = 40
MOST: Final = 10.0
"""How many times the answer without it an answer with it is to take."""
LIMITS: Final = Limits()


def compare() -> list[Comparison]:
    """Medians of the seconds of a core, each pair of requests one after the other."""
    with threadpool_limits(limits=1):
        return [_paired(name, body) for name, body in _bodies().items()]


def _bodies() -> dict[str, dict[str, Any]]:
    return {
        "the design's example": copy.deepcopy(DESIGN_EXAMPLE),
        "10 inputs, 3 layers, one output": _body(10, [8, 8, 1]),
        "10 inputs, 3 layers, 5 outputs": _body(10, [8, 8, 5]),
        "100 inputs, 2 layers, 10 outputs": _body(100, [20, 10]),
        "10 inputs, two hidden layers of 10,000, decay": _body(10, [10_000, 10_000, 1], decay=0.1),
    }


def _body(inputs: int, widths: list[int], decay: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4 * inputs, inputs)) * np.exp(0.5 * rng.normal(size=inputs))
    y = x @ rng.normal(size=(inputs, widths[-1])) + rng.normal(size=(4 * inputs, widths[-1]))
    n = len(x)
    data = {
        "kind": "moments",
        "xx": (x.T @ x / n).tolist(),
        "xy": (x.T @ y / n).tolist(),
        "yy": float(np.sum(y * y)) / n,
    }
    return {"network": {"layers": [{"width": width, "weight_decay": decay} for width in widths]}, "data": data}


def _paired(name: str, body: dict[str, Any]) -> Comparison:
    asked = {**body, "include": ["flatness"]}
    _seconds(asked), _seconds(body)
    pairs = [(_seconds(asked), _seconds(body)) for _ in range(ROUNDS)]
    return Comparison(
        work=f"minima with flatness: {name}",
        measured=median(pair[0] for pair in pairs),
        reference="the same without",
        measured_reference=median(pair[1] for pair in pairs),
        unit="s",
        bound=MOST,
        at_least=False,
    )


def _seconds(body: dict[str, Any]) -> float:
    start = time.process_time()
    minima(parse(body).request, LIMITS).model_dump_json(exclude_unset=True)
    return time.process_time() - start
