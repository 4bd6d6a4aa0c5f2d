"""Seconds of a core that requests take, against the estimates that decide where they run.

An estimate knows the shapes of a request and nothing else.  So each kind of request comes with data that have nothing
special about them, at sizes from those that the event loop answers to those that take seconds.  Prints every row;
the comparison is the row that is furthest off.
"""

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.comparison import Comparison
from service.jobs.inline import run_inline
from service.operations.asking import Question, ask
from service.settings import Settings

FACTOR: Final = 4.0
"""How much longer or shorter than its estimate a request may take."""
SEEDS: Final = (1, 2)
"""Of instances of the same shapes; the longest counts, since it is what others have to wait for."""
ROUNDS: Final = 2
LONG_S: Final = 0.5
"""What takes longer is measured once."""
NOISY: Final[tuple[tuple[int, tuple[int, ...], int], ...]] = (
    (5, (4,), 2),
    (10, (8,), 3),
    (40, (16,), 10),
    (100, (30,), 20),
    (5, (4, 4), 2),
    (10, (8, 8), 3),
    (20, (16, 16), 5),
    (40, (8, 8, 8), 5),
)
"""Inputs, hidden widths, outputs."""
WIDE: Final = Settings(max_seconds=600.0)


@dataclass(frozen=True, slots=True)
class Case:
    """One request."""

    operation: str
    told: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What it took."""

    case: Case
    estimate_s: float
    seconds: float

    @property
    def ratio(self) -> float:
        """Measured to estimated seconds."""
        return self.seconds / self.estimate_s

    @property
    def off(self) -> float:
        """How many times too small or too large the estimate is."""
        return max(self.ratio, 1.0 / self.ratio)


def compare() -> list[Comparison]:
    """The estimate that is furthest off, by operation."""
    rows: list[Row] = []
    for alike in zip(*map(cases, SEEDS), strict=True):
        row = measured(list(alike))
        rows.append(row)
        mark = " <---" if row.off > FACTOR else ""
        print(
            f"  {row.case.operation:16} {row.case.told:52} estimated {row.estimate_s:9.4f} measured {row.seconds:9.4f} "
            f"ratio {row.ratio:6.2f}{mark}",
            file=sys.stderr,
            flush=True,
        )
    found = []
    for name in dict.fromkeys(row.case.operation for row in rows):
        worst = max((row for row in rows if row.case.operation == name), key=lambda row: row.off)
        larger, smaller = sorted((worst.seconds, worst.estimate_s), reverse=True)
        what = "measured" if worst.ratio > 1.0 else "estimated"
        title = f"{name}, {worst.case.told}: {what}"
        found.append(Comparison(title, larger, "the other", smaller, "s", FACTOR, at_least=False))
    return found


def measured(alike: list[Case]) -> Row:
    """The longest of some requests of the same shapes."""
    return max(map(_measured, alike), key=lambda row: row.seconds)


def _measured(case: Case) -> Row:
    """The least of a few rounds, the first of which loads what the operation needs."""
    seconds, estimate_s = math.inf, 0.0
    for turn in range(ROUNDS + 1):
        begun = time.thread_time()
        question = ask(case.operation, case.body, WIDE)
        estimate_s = _answer(question)
        taken = time.thread_time() - begun
        if turn:
            seconds = min(seconds, taken)
            if taken > LONG_S:
                break
    return Row(case, estimate_s, seconds)


def _answer(question: Question) -> float:
    """Answer it as the server does, and say what it estimated."""
    if question.loaded.function is not None:
        question.answer(WIDE)
        return question.cost_s
    work, plan = question.loaded.work, question.plan(WIDE)
    assert work is not None
    run_inline(plan, work.guarded())
    return plan.cost_s


def cases(seed: int) -> Iterator[Case]:
    """Every kind of request of every operation that computes, at several sizes."""
    yield from _minima(seed)
    yield from _batches(seed)
    yield from _landscapes(seed)
    yield from _ranks(seed)
    yield from _diagnoses(seed)
    yield from _generated(seed)
    yield from _heavy(seed)
    yield from _rectified(seed)


def _drawn(samples: int, inputs: int, outputs: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, inputs)) @ (np.eye(inputs) + 0.3 * rng.normal(size=(inputs, inputs)))
    y = x @ rng.normal(size=(inputs, outputs)) / np.sqrt(inputs) + 0.3 * rng.normal(size=(samples, outputs))
    return x, y


def network(*widths: int, decay: float = 0.02, rate: float = 0.0, activation: str = "linear") -> dict[str, Any]:
    """Layers of these widths."""
    layers: list[dict[str, Any]] = [{"width": width, "weight_decay": decay} for width in widths]
    for layer in layers[:-1]:
        if rate:
            layer["noise"] = {"kind": "dropout", "rate": rate}
        if activation != "linear":
            layer["activation"] = activation
    return {"layers": layers}


def moments(inputs: int, outputs: int, seed: int) -> dict[str, Any]:
    """Of twice as many samples as there are inputs and outputs."""
    x, y = _drawn(2 * (inputs + outputs), inputs, outputs, seed)
    count = len(x)
    return {
        "kind": "moments",
        "xx": (x.T @ x / count).tolist(),
        "xy": (x.T @ y / count).tolist(),
        "yy": float((y * y).sum() / count),
    }


def samples(count: int, inputs: int, outputs: int, seed: int, *, signs: bool = False) -> dict[str, Any]:
    """As they are sent."""
    x, y = _drawn(count, inputs, outputs, seed)
    return {"kind": "samples", "x": x.tolist(), "y": (np.where(y > 0.0, 1.0, -1.0) if signs else y).tolist()}


def _minima(seed: int) -> Iterator[Case]:
    for inputs in (3, 10, 100, 400):
        body = {"network": network(8, 8, 1, rate=0.2), "data": moments(inputs, 1, seed)}
        yield Case("minima", f"one output, {inputs} inputs", body)
    for count, inputs in ((50, 5), (1_000, 30), (20_000, 10)):
        body = {"network": network(8, 1), "data": samples(count, inputs, 1, seed)}
        yield Case("minima", f"one output, {count} samples of {inputs} inputs", body)
    for inputs, outputs in ((10, 3), (30, 10), (100, 30), (200, 100)):
        data = moments(inputs, outputs, seed)
        width = min(inputs, outputs)
        shape = f"{inputs} inputs, {outputs} outputs"
        yield Case("minima", f"no decay, {shape}", {"network": network(width, outputs, decay=0.0), "data": data})
        yield Case("minima", f"two layers, {shape}", {"network": network(width, outputs), "data": data})
        yield Case("minima", f"three layers, {shape}", {"network": network(width, width, outputs), "data": data})
        yield Case("minima", f"a bottleneck of one, {shape}", {"network": network(1, outputs), "data": data})
        yield Case("minima", f"two of one, {shape}", {"network": network(1, 1, outputs), "data": data})
    for inputs, hidden, outputs in NOISY:
        body = {"network": network(*hidden, outputs, rate=0.2), "data": moments(inputs, outputs, seed)}
        yield Case("minima", f"noise, widths {inputs}, {hidden}, {outputs}", body)
    for inputs, hidden, outputs in NOISY:
        body = {"network": network(*hidden, outputs, rate=0.2, decay=0.0), "data": moments(inputs, outputs, seed)}
        yield Case("minima", f"noise without decay, widths {inputs}, {hidden}, {outputs}", body)


def _batches(seed: int) -> Iterator[Case]:
    for count in (2, 16, 128):
        problems = [{"network": network(8, 8, 1, rate=0.2), "data": moments(10, 1, seed)} for _ in range(count)]
        yield Case("minima_batch", f"{count} problems", {"problems": problems})
        yield Case("minima_batch", f"{count} problems as columns", {"problems": problems, "return": ["loss", "norm"]})
    several = [{"network": network(3, 3), "data": moments(10, 3, seed)} for _ in range(16)]
    yield Case("minima_batch", "16 of several outputs as columns", {"problems": several, "return": ["loss", "norm"]})
    yield Case("minima_batch", "16 problems of several outputs", {"problems": several})
    for values in (4, 1_000, 100_000):
        vary = {"decay_scale": np.linspace(0.1, 10.0, values).tolist()}
        problem = {"network": network(8, 8, 1), "data": moments(10, 1, seed)}
        yield Case("minima_batch", f"{values} decays of one output", {"problem": problem, "vary": vary})
    for values in (4, 40):
        vary = {"decay_scale": np.linspace(0.1, 10.0, values).tolist()}
        problem = {"network": network(3, 3), "data": moments(10, 3, seed)}
        yield Case("minima_batch", f"{values} decays of three outputs", {"problem": problem, "vary": vary})


def _landscapes(seed: int) -> Iterator[Case]:
    for inputs, outputs in ((5, 1), (10, 3), (50, 10), (200, 20)):
        body = {"network": network(outputs, outputs), "data": moments(inputs, outputs, seed)}
        yield Case("landscape", f"moments of {inputs} inputs, {outputs} outputs", {"problem": body})
    for count, inputs in ((20, 3), (200, 10), (2_000, 20)):
        for activation in ("linear", "relu"):
            body = {"network": network(8, 1, decay=0.0, activation=activation), "data": samples(count, inputs, 1, seed)}
            yield Case("landscape", f"{activation}, {count} samples of {inputs} inputs", {"problem": body})
    bent = {"network": network(30, 30, 1, activation="tanh"), "data": samples(500, 20, 1, seed)}
    for include in ("witnesses", "hessian", "slice", "interpolation", "minimum"):
        small = {"network": network(4, 1), "data": samples(30, 4, 1, seed)}
        yield Case("landscape", f"small, with {include}", {"problem": small, "include": [include]})
        several = {"network": network(20, 20, 10), "data": moments(50, 10, seed)}
        yield Case("landscape", f"10 outputs, with {include}", {"problem": several, "include": [include]})
        if include != "witnesses":
            yield Case("landscape", f"1,500 weights, tanh, with {include}", {"problem": bent, "include": [include]})


def _ranks(seed: int) -> Iterator[Case]:
    for count, inputs in ((20, 3), (200, 10), (2_000, 20), (10_000, 20)):
        for activation in ("linear", "relu"):
            body = {
                "network": network(8, 1, decay=0.0, activation=activation),
                "data": samples(count, inputs, 1, seed, signs=True),
                "objective": {"loss": "logistic"},
            }
            yield Case("ranks", f"{activation}, {count} samples of {inputs} inputs", {"problem": body})
    rng = np.random.default_rng(seed)
    for count in (1, 10, 40):
        shapes = ((50, 20), (50, 50), (1, 50))
        snapshots = [{"weights": [rng.normal(size=shape).tolist() for shape in shapes]} for _ in range(count)]
        problem = {"network": network(50, 50, 1, decay=0.0), "data": samples(40, 20, 1, seed)}
        yield Case("ranks", f"{count} snapshots", {"problem": problem, "snapshots": snapshots})


def _diagnoses(seed: int) -> Iterator[Case]:
    rng = np.random.default_rng(seed)
    for widths in ((3, 4, 1), (10, 8, 8, 1), (10, 8, 3), (20, 30, 30, 5), (30, 50, 50, 10)):
        shapes = list(zip(widths[1:], widths[:-1], strict=True))
        weights = [(rng.normal(size=shape) / np.sqrt(shape[1])).tolist() for shape in shapes]
        problem = {"network": network(*widths[1:]), "data": moments(widths[0], widths[-1], seed)}
        yield Case("diagnose", f"widths {widths}", {"problem": problem, "weights": weights})


def _generated(seed: int) -> Iterator[Case]:
    for inputs, outputs in ((5, 1), (20, 3), (100, 10), (300, 30)):
        yield Case(
            "generate_problem",
            f"{inputs} inputs, {outputs} outputs",
            {"inputs": inputs, "outputs": outputs, "hidden_widths": [outputs], "rank": 1, "gap": 0.5, "seed": seed},
        )


def _heavy(seed: int) -> Iterator[Case]:
    one, three = (
        {"network": network(8, 8, 1), "data": moments(10, 1, seed)},
        {"network": network(3, 3), "data": moments(10, 3, seed)},
    )
    for points in (100, 10_000):
        axes = [{"parameter": "decay_scale", "from": 0.1, "to": 10.0, "points": points}]
        yield Case("sweeps", f"{points} points of one output", {"problem": one, "axes": axes})
    axes = [{"parameter": "decay_scale", "from": 0.1, "to": 10.0, "points": 50}]
    yield Case("sweeps", "50 points of three outputs", {"problem": three, "axes": axes})
    for runs, steps in ((5, 200), (50, 1_000)):
        asked = {"problem": one, "optimisers": ["gd", "adam"], "runs": runs, "steps": steps, "seed": seed}
        yield Case("races", f"two optimisers, {runs} runs of {steps} steps", asked)
    for width, count in ((4, 20), (20, 200), (50, 1_000)):
        bent = {"network": network(width, 1, activation="tanh"), "data": samples(count, 4, 1, seed)}
        yield Case("slices", f"{width} units, {count} samples", {"problem": bent, "seed": seed})
        yield Case("spectra", f"{width} units, {count} samples", {"problem": bent, "seed": seed})
        yield Case("connectivity", f"{width} units, {count} samples", {"problem": bent, "seed": seed})
        straight = {
            "network": network(width, 1, decay=0.0, activation="relu"),
            "data": samples(count, 4, 1, seed, signs=True),
            "objective": {"loss": "logistic"},
        }
        yield Case("gradient_flows", f"{width} units, {count} samples", {"problem": straight, "seed": seed})


def _rectified(seed: int) -> Iterator[Case]:
    for count, inputs in ((20, 1), (50, 2), (1_000, 2), (30, 3), (100, 3), (30, 5), (30, 10)):
        problem = {"network": network(16, 1, activation="relu"), "data": samples(count, inputs, 1, seed)}
        yield Case("relu_minima", f"{count} samples of {inputs} inputs", {"problem": problem})
