"""Two-layer ReLU networks beside Adam from random starts, and beside convex programs on sampled patterns."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import torch

from service.core.convex_losses.differences import HalfSquaredLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import stopped_by
from service.core.relu.minimum import CertifiedLoop
from service.core.relu.networks import Objective
from tests.support.relu_teachers import DECAY, data

CASES: Final = (("teacher", 100, 5), ("sine", 100, 5), ("noise", 100, 5), ("teacher", 1000, 10))
STARTS: Final = 20
GATES: Final = (100, 500)
WIDTH: Final = 50
STEPS: Final = 3000
RATE: Final = 1e-2
SECONDS: Final = 40.0

_WHAT: Final = """\
The objective is mean (f - y)^2 / 2 + {decay} sum |u_j| |a_j|. *Here* is the certified loop: its value, proved gap and
seconds of a core, at most {seconds:.0f}; *below Adam after* is when its network was first better than the best of
{starts} runs of Adam (PyTorch {torch}, full batch, {width} units, {steps:,} steps, rate {rate} along a cosine, then
balanced). pyscnn 0.0.10 (`pip install --no-deps pyscnn lab linalg-backends==0.0.1b0 opt-einsum tqdm`) solves a convex
program on {gates} sampled activation patterns, with its defaults (`unitize_data`) and without; the better of the two
counts. All values are of the objective above, by a forward pass of our own; *above* is relative to the value here.
"""


def report() -> str:
    """Train by each, on one thread."""
    torch.set_num_threads(1)
    lines = [
        "| data | value here | gap | s | below Adam after, s | Adam above, s | pyscnn 100 above, s | 500 gates |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, count, inputs in CASES:
        x, y = _drawn(kind, count, inputs)
        adam, adam_s = _timed(partial(_best_of_adam, x, y))
        history = list(_here(x, y))
        seconds, value, gap = history[-1]
        first = next((moment for moment, reached, _ in history if reached < adam), None)
        cells = [f"{adam / value - 1.0:+.1e}, {adam_s:.0f}"]
        for gates in GATES:
            if find_spec("scnn") is None:
                cells.append("not installed")
                continue
            found, took = _timed(partial(_best_convex, x, y, gates))
            cells.append(f"{found / value - 1.0:+.1e}, {took:.0f}")
        below = "never" if first is None else f"{first:.1f}"
        lines.append(
            f"| {kind}, {count} x {inputs} | {value:.8f} | {gap:.1e} | {seconds:.1f} | {below} | {' | '.join(cells)} |"
        )
        print(lines[-1], flush=True)
    what = _WHAT.format(
        decay=DECAY,
        seconds=SECONDS,
        starts=STARTS,
        torch=torch.__version__,
        width=WIDTH,
        steps=STEPS,
        rate=RATE,
        gates=" or ".join(map(str, GATES)),
    )
    return "\n".join([what, *lines])


def _drawn(kind: str, count: int, inputs: int) -> tuple[FloatArray, FloatArray]:
    if kind != "noise":
        return data(kind, count, inputs)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((count, inputs)), rng.standard_normal(count)
    return x, y / y.std()


def _timed(work: Callable[[], float]) -> tuple[float, float]:
    start = time.process_time()
    value = work()
    return value, time.process_time() - start


def _value(x: FloatArray, y: FloatArray, first: FloatArray, second: FloatArray) -> float:
    """The objective of weights (m, d) and (m,), balanced."""
    fit = 0.5 * float(np.square(np.maximum(x @ first.T, 0.0) @ second - y).mean())
    return fit + DECAY * float(np.linalg.norm(first, axis=1) @ np.abs(second))


def _here(x: FloatArray, y: FloatArray) -> Iterator[tuple[float, float, float]]:
    count = len(x)
    objective = Objective(x, HalfSquaredLoss(y), DECAY * count, 0.0, np.zeros((count, 0)))
    start = time.process_time()
    with stopped_by(lambda: time.process_time() - start > SECONDS):
        for found in CertifiedLoop(objective, 1e-6).improvements():
            yield time.process_time() - start, found.value / count, found.gap
            if found.gap <= 1e-6:
                return


def _best_of_adam(x: FloatArray, y: FloatArray) -> float:
    return min(_adam(x, y, seed) for seed in range(STARTS))


def _best_convex(x: FloatArray, y: FloatArray, gates: int) -> float:
    return min(_convex(x, y, gates, unitize=unitize) for unitize in (True, False))


def _adam(x: FloatArray, y: FloatArray, seed: int) -> float:
    torch.manual_seed(seed)
    inputs, targets = torch.tensor(x), torch.tensor(y)
    first = (torch.randn(WIDTH, x.shape[1], dtype=torch.float64) / x.shape[1] ** 0.5).requires_grad_()
    second = (torch.randn(WIDTH, dtype=torch.float64) / WIDTH**0.5).requires_grad_()
    optimiser = torch.optim.Adam([first, second], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        optimiser.zero_grad()
        fit = 0.5 * (torch.relu(inputs @ first.T) @ second - targets).square().mean()
        (fit + 0.5 * DECAY * (first.square().sum() + second.square().sum())).backward()
        optimiser.step()
        schedule.step()
    return _value(x, y, first.detach().numpy(), second.detach().numpy())


def _convex(x: FloatArray, y: FloatArray, gates: int, *, unitize: bool) -> float:
    from scnn.optimize import optimize  # noqa: PLC0415 - not of the peers that are installed: see the text of the page
    from scnn.regularizers import NeuronGL1  # noqa: PLC0415 - as above

    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        model, _ = optimize(
            "relu", gates, x, y, regularizer=NeuronGL1(DECAY), unitize_data=unitize, dtype="float64", verbose=False
        )
    first, second = (np.asarray(part, dtype=np.float64) for part in model.parameters[:2])
    return _value(x, y, first, second.ravel())
