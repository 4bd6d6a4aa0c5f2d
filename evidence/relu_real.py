"""Two-layer ReLU networks on real data: value, gap, units and time."""

import time
from collections.abc import Iterator
from typing import Final

import numpy as np
from palmerpenguins import load_penguins

from service.core.convex_losses.differences import HalfSquaredLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import stopped_by
from service.core.relu.minimum import CertifiedLoop
from service.core.relu.networks import Objective
from service.operations.mapping.examples import load
from tests.support.relu_instances import Instance, best_of_searches

TOLERANCE: Final = 1e-6
SECONDS: Final = 60.0
RUNS: Final = 20

_WHAT: Final = """\
Inputs and target standardised, loss (f - y)^2 / 2 in the mean over samples, the same decay on both layers, so that the
loss without a network is 0.5. Each certification may take {seconds:.0f} s of a core. *Best run* is the best of {runs}
runs of L-BFGS from random weights, relative to the network found: below zero it would be better.
"""


def report() -> str:
    """Certify each, and search beside it.

    Raises
    ------
    RuntimeError
        If a search ends below a bound.
    """
    lines = [
        "| data | samples x inputs | decay | loss | gap | units | s of a core | best run |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, x, y, bias, decay in _cases():
        objective = _objective(x, y, bias, decay)
        start = time.process_time()
        with stopped_by(lambda since=start: time.process_time() - since > SECONDS):  # type: ignore[misc]
            found = CertifiedLoop(objective, TOLERANCE).run()
        seconds = time.process_time() - start
        best = best_of_searches(Instance(objective, "squared", "none", 0.0), RUNS, 1)
        if best < found.dual.bound * (1.0 - 1e-9):
            raise RuntimeError(f"{name}: a search reached {best!r}, below the bound {found.dual.bound!r}")
        lines.append(
            f"| {name} | {len(x)} x {x.shape[1]} | {decay:g} | {found.value / len(x):.10f} | {found.gap:.1e} "
            f"| {len(found.units)} | {seconds:.1f} | {best / found.value - 1.0:+.1e} |"
        )
        print(lines[-1], flush=True)
    return "\n".join([_WHAT.format(seconds=SECONDS, runs=RUNS), *lines])


def _objective(x: FloatArray, y: FloatArray, bias: bool, decay: float) -> Objective:
    y = (y - y.mean()) / y.std()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    inputs = np.column_stack([x, np.ones(len(x))]) if bias else x
    return Objective(np.ascontiguousarray(inputs), HalfSquaredLoss(y), decay * len(x), 0.0, np.zeros((len(x), 0)))


def _cases() -> Iterator[tuple[str, FloatArray, FloatArray, bool, float]]:
    """Name, inputs, target, whether the units have a decayed bias, decay."""
    x, y = _example("diabetes")
    centred = (x - x.mean(axis=0)) / x.std(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    for count in (2, 3, 4, 5):
        yield f"Diabetes, {count} principal components", centred @ axes[:count].T, y[:, 0], False, 0.05
    x, y = _example("iris")
    for bias in (False, True):
        yield f"Iris, class as number{', bias' if bias else ''}", x, y[:, 0], bias, 0.01
    x, y = _example("linnerud")
    for place, name in enumerate(("weight", "waist", "pulse")):
        yield f"Linnerud, {name}, bias", x, y[:, place], True, 0.05
    penguins = load_penguins()[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]].dropna()
    table = penguins.to_numpy(dtype=np.float64)
    yield "penguins, mass, bias", table[:, :3], table[:, 3], True, 0.01
    yield "penguins, mass by flipper, bias", table[:, 2:3], table[:, 3], True, 0.001
    x, y = _example("diabetes")
    yield "Diabetes by body mass index, bias", x[:, 2:3], y[:, 0], True, 0.001


def _example(name: str) -> tuple[FloatArray, FloatArray]:
    loaded = load(name, raw=True)
    return loaded.x, loaded.y
