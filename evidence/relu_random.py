"""Random two-layer ReLU networks: no search goes below the bound, and how many gaps are closed."""

import os
import time
from collections import defaultdict
from typing import Final

import numpy as np

from service.core.ground.stopping import stopped_by
from service.core.relu.minimum import CertifiedLoop
from tests.support.relu_instances import LOSSES, best_of_searches, instance

CASES: Final = 200
SECONDS: Final = 60.0
RESTARTS: Final = 5
TOLERANCE: Final = 1e-6

_WHAT: Final = """\
{cases} random objectives: one to four inputs, 4 to 60 samples, teachers with noise, decays over two decades, plain and
rounded inputs, ReLU, leaky ReLU and absolute value, without biases, with an output bias (free or decayed), a decayed
hidden bias, or a linear skip. The certified loop has {seconds:.0f} s of a core for each. Beside it, {restarts} runs of
L-BFGS from random weights of both layers, of a network with up to 22 units: *lowest run* is the smallest
(run - bound) / |bound| of a loss, *network below best run* the largest (best run - network) / |network|.
"""


def report() -> str:
    """Certify, search, and count.

    Raises
    ------
    RuntimeError
        If a search ends below a bound.
    """
    cases = int(os.environ.get("EVIDENCE_CASES", CASES))
    rows: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    open_: list[str] = []
    for seed in range(cases):
        made = instance(seed)
        start = time.process_time()
        with stopped_by(lambda since=start: time.process_time() - since > SECONDS):  # type: ignore[misc]
            found = CertifiedLoop(made.objective, TOLERANCE, seed=seed).run()
        seconds = time.process_time() - start
        best = best_of_searches(made, RESTARTS, seed)
        nothing = made.objective.value(made.objective.nothing)
        size = max(abs(found.value), 1e-6 * abs(nothing))
        gap = (found.value - found.dual.bound) / size
        if best < found.dual.bound - 1e-9 * size:
            raise RuntimeError(f"seed {seed}: a search reached {best!r}, below the bound {found.dual.bound!r}")
        rows[made.loss].append((gap, seconds, (best - found.dual.bound) / size, (best - found.value) / size))
        print(
            seed,
            made.loss,
            made.bias,
            made.slope,
            made.objective.x.shape,
            f"{gap:.1e} {seconds:.1f} s",
            flush=True,
        )
        if gap > TOLERANCE:
            shape = " x ".join(map(str, made.objective.x.shape))
            open_.append(f"| {seed} | {made.loss}, {made.bias}, slope {made.slope:g} | {shape} | {gap:.1e} |")
    return _page(cases, rows, open_)


def _page(cases: int, rows: dict[str, list[tuple[float, float, float, float]]], open_: list[str]) -> str:
    lines = [
        _WHAT.format(cases=cases, seconds=SECONDS, restarts=RESTARTS),
        "| loss | objectives | closed to 1e-6 | median s | longest s | lowest run | network below best run |",
        "|---|---|---|---|---|---|---|",
    ]
    closed = 0
    for loss in LOSSES:
        gaps, seconds, runs, gains = np.array(rows[loss] or [(0.0,) * 4]).T
        inside = int((gaps <= TOLERANCE).sum()) if rows[loss] else 0
        closed += inside
        lines.append(
            f"| {loss} | {len(rows[loss])} | {inside} | {np.median(seconds):.2f} | {seconds.max():.1f} "
            f"| {runs.min():.1e} | {gains.max():.1e} |"
        )
    lines += ["", f"Closed: {closed} of {cases}. No run ended below a bound.", ""]
    if open_:
        lines += ["Left open:", "", "| seed | network | samples x inputs | gap |", "|---|---|---|---|", *open_]
    return "\n".join(lines)
