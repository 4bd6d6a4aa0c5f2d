"""Summaries of landscapes at the size that is promised, without witnesses and with them, against fixed times."""

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison
from service.operations.landscape import landscape, parse
from service.settings import Limits

REPEATS: Final = 15
SEARCHES: Final = 5
SUMMARY_S: Final = 0.020
WITNESSES_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Case:
    """Sizes of one kind of request."""

    words: str
    samples: int
    inputs: int
    outputs: int
    kind: str
    widths: tuple[int, ...]
    decay: float = 0.0
    condition: float | None = None
    dropout: float = 0.0


CASES: Final = (
    Case("two linear layers of 100, 10 inputs, 1 output", 1_000, 10, 1, "linear", (100, 100)),
    Case("two linear layers of 100, 10 inputs, 10 outputs", 1_000, 10, 10, "linear", (100, 100)),
    Case("two linear layers of 100, 10 inputs, 1 output, decay", 1_000, 10, 1, "linear", (100, 100), 0.01),
    Case("two ReLU layers of 100, 10 inputs, 1 output", 1_000, 10, 1, "relu", (100, 100)),
    Case("one tanh layer of 100, 10 inputs, 10 outputs", 1_000, 10, 10, "tanh", (100,)),
    Case("two linear layers of 100, 100 inputs, 1 output", 1_000, 100, 1, "linear", (100, 100)),
    Case("one softplus layer of 6, 30 samples of 5 inputs", 30, 5, 1, "softplus", (6,)),
    Case("one ReLU layer of 70 with decay, 20 samples of 3 inputs", 20, 3, 1, "relu", (70,), 0.01),
)
"""The last two are those whose witnesses take longest."""

HUNDRED: Final = (100, 100)
SEARCHED: Final = (
    Case("3 layers of 100, 5 outputs", 1_000, 100, 5, "linear", HUNDRED, 0.1),
    Case("3 layers of 100, 10 outputs", 1_000, 100, 10, "linear", HUNDRED, 0.1),
    Case("4 layers of 100, 10 outputs", 1_000, 100, 10, "linear", (100,) * 3, 0.1),
    Case("6 layers of 100, 10 outputs", 1_000, 100, 10, "linear", (100,) * 5, 0.1),
    Case("3 layers of 10, 10 outputs", 1_000, 100, 10, "linear", (10, 10), 0.1),
    Case("3 layers of 100, 10 outputs, condition 100", 1_000, 100, 10, "linear", HUNDRED, 0.1, 100.0),
    Case("6 layers of 100, 10 outputs, condition 100", 1_000, 100, 10, "linear", (100,) * 5, 0.1, 100.0),
    Case("3 layers of 100, 10 outputs, white", 1_000, 100, 10, "linear", HUNDRED, 0.1, 1.0),
    Case("3 layers of 100, 50 outputs", 1_000, 100, 50, "linear", HUNDRED, 0.1),
    Case("3 layers of 10, 50 outputs", 1_000, 100, 50, "linear", (10, 10), 0.1),
    Case("3 layers of 100, 50 outputs, white", 1_000, 100, 50, "linear", HUNDRED, 0.1, 1.0),
    Case("3 layers of 100, 100 outputs", 1_000, 100, 100, "linear", HUNDRED, 0.1),
    Case("20 inputs, a noisy layer of 8, 5 outputs", 1_000, 20, 5, "linear", (8,), 0.01, None, 0.2),
    Case("20 inputs, two noisy layers of 8, 5 outputs", 1_000, 20, 5, "linear", (8, 8), 0.01, None, 0.2),
    Case("the same without decay", 1_000, 20, 5, "linear", (8, 8), 0.0, None, 0.2),
)
"""Linear networks whose minimum is searched for: 100 inputs and decay on every layer unless said otherwise."""


def compare() -> list[Comparison]:
    """Medians over distinct bodies for summaries, the slowest of a few for witnesses, in seconds of a core."""
    rows = []
    with threadpool_limits(limits=1):
        for case in CASES:
            bodies = [_body(seed, case) for seed in range(REPEATS + 2)]
            taken = [_seconds(body) for body in bodies][2:]
            rows.append(_row(f"landscape without witnesses: {case.words}", float(np.median(taken)), SUMMARY_S))
            slowest = max(_seconds({**body, "include": ["witnesses"]}) for body in bodies[:3])
            rows.append(_row(f"landscape with all witnesses: {case.words}", slowest, WITNESSES_S))
        for case in SEARCHED:
            taken = [_seconds(_body(seed, case)) for seed in range(SEARCHES + 1)][1:]
            rows.append(_row(f"landscape with a search: {case.words}", float(np.median(taken)), SUMMARY_S))
    return rows


def _row(work: str, seconds: float, target: float) -> Comparison:
    return Comparison(
        work=work,
        measured=seconds,
        reference="the time that is promised",
        measured_reference=target,
        unit="s",
        bound=1.0,
        at_least=False,
    )


def _seconds(body: dict[str, Any]) -> float:
    request = parse(body).request
    start = time.process_time()
    landscape(request, Limits())
    return time.process_time() - start


def _body(seed: int, case: Case) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(case.samples, case.inputs))
    if case.condition is not None:
        scales = np.geomspace(1.0, case.condition**-0.5, case.inputs)
        x = np.sqrt(case.samples) * np.linalg.qr(x)[0] * scales @ np.linalg.qr(rng.normal(size=(case.inputs,) * 2))[0]
    y = x @ rng.normal(size=(case.inputs, case.outputs)) + rng.normal(size=(case.samples, case.outputs))
    layers: list[dict[str, Any]] = [
        {"width": width, "activation": case.kind, "weight_decay": case.decay} for width in case.widths
    ]
    if case.dropout:
        layers = [{**layer, "noise": {"kind": "dropout", "rate": case.dropout}} for layer in layers]
    network = {
        "layers": [*layers, {"width": case.outputs, "weight_decay": case.decay}],
        "bias": "none" if case.kind == "linear" or case.decay else "all",
    }
    return {"network": network, "data": {"kind": "samples", "x": x.tolist(), "y": y.tolist()}}
