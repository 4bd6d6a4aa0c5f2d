"""Slices of networks of 10^4 weights against loss-landscapes with PyTorch, and split over two workers."""

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any, Final

import loss_landscapes
import numpy as np
import torch
from loss_landscapes.metrics import Loss
from torch import nn

from benchmarks.comparison import Comparison, best_core_time
from benchmarks.jobs import scaling
from service.operations.plans.running import run_here
from service.operations.plans.slices import WORK
from service.schemas.slices import SlicesRequest
from service.settings import Limits
from service.vocabulary import Precision

SAMPLES: Final = 1000
POINTS: Final = 51
ROUNDS: Final = 3
LONGEST_S: Final = 5.0
RATIO: Final = 1 / 3
SPLIT_POINTS: Final = 121
SHAPES: Final = ((100, 98, 1), (50, 100, 50, 1))
ACTIVATIONS: Final = {"tanh": nn.Tanh, "relu": nn.ReLU}
TYPES: Final = {Precision.DOUBLE: torch.float64, Precision.SINGLE: torch.float32}


def compare() -> list[Comparison]:
    """Seconds of one core for each network and precision, then one worker against two by the clock."""
    torch.set_num_threads(1)
    rows = []
    for activation, widths in product(ACTIVATIONS, SHAPES):
        weights = sum(inputs * outputs + outputs for inputs, outputs in pairwise(widths))
        network = f"{'-'.join(map(str, widths))} {activation} ({weights:,} weights)"
        work = f"{POINTS} x {POINTS} slice, {network}, n = {SAMPLES:,}"
        times = {precision: _both(widths, activation, precision) for precision in TYPES}
        rows.append(
            Comparison(work, times[Precision.DOUBLE][0], "five seconds", LONGEST_S, "core s", 1.0, at_least=False)
        )
        for precision, (ours, theirs) in times.items():
            name = f"loss-landscapes, PyTorch, {precision}"
            rows.append(Comparison(f"{work}, {precision}", ours, name, theirs, "core s", RATIO, at_least=False))
    return [*rows, *_split()]


def _both(widths: tuple[int, ...], activation: str, precision: Precision) -> tuple[float, float]:
    """The best of interleaved rounds of both."""
    ours, theirs = _ours(widths, activation, precision), _theirs(widths, activation, precision)
    rounds = [(best_core_time(ours, 1), best_core_time(theirs, 1)) for _ in range(ROUNDS)]
    return min(first for first, _ in rounds), min(second for _, second in rounds)


def _data(widths: tuple[int, ...]) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(SAMPLES, widths[0])), rng.normal(size=(SAMPLES, widths[-1]))


def _asked(
    widths: tuple[int, ...], activation: str, points: int, precision: Precision = Precision.DOUBLE
) -> dict[str, Any]:
    """The request for a plane through a random start."""
    x, y = _data(widths)
    hidden = [{"width": width, "activation": activation} for width in widths[1:-1]]
    return {
        "problem": {
            "network": {"layers": [*hidden, {"width": widths[-1]}], "bias": "all"},
            "data": {"kind": "samples", "x": x.tolist(), "y": y.tolist()},
        },
        "at": "trained",
        "training_steps": 0,
        "points": points,
        "precision": precision,
    }


def _ours(widths: tuple[int, ...], activation: str, precision: Precision) -> Callable[[], object]:
    """All chunks of the plan and its reducer, as one worker runs them."""
    plan = WORK.plan(SlicesRequest.model_validate(_asked(widths, activation, POINTS, precision)), Limits())

    def work() -> None:
        answer = run_here(plan, WORK.functions)
        assert np.all(np.isfinite(answer["loss"]))
        assert len(answer["loss"]) == POINTS**2

    return work


def _theirs(widths: tuple[int, ...], activation: str, precision: Precision) -> Callable[[], object]:
    """The same kind of plane: filter-normalised, same batch, same number of points."""
    parts: list[Any] = []
    for inputs, outputs in pairwise(widths):
        parts += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    module = nn.Sequential(*parts[:-1]).to(TYPES[precision])
    x, y = (torch.tensor(values, dtype=TYPES[precision]) for values in _data(widths))
    metric = Loss(nn.MSELoss(), x, y)

    def work() -> None:
        with torch.no_grad():
            losses = loss_landscapes.random_plane(module, metric, 1, POINTS, "filter", deepcopy_model=True)
        assert losses.shape == (POINTS, POINTS)

    return work


def _split() -> list[Comparison]:
    """A job on one worker and on two, from its first claim to its end."""
    body = _asked(SHAPES[1], "tanh", SPLIT_POINTS)
    work = f"{SPLIT_POINTS} x {SPLIT_POINTS} slice, {'-'.join(map(str, SHAPES[1]))}"
    return scaling({work: ("/v1/slices", lambda seed: {**body, "seed": seed}, 1.8)})
