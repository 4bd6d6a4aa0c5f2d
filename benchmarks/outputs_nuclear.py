"""Two decayed layers on general inputs against cvxpy with Clarabel, to a relative gap of 1e-9.

At the larger size the interior-point method runs in a process of its own with limits on seconds and memory.
"""

import subprocess
import sys
import time
from typing import Final

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison, best_time
from benchmarks.outputs import answered
from benchmarks.outputs_cvxpy import interior_point
from benchmarks.outputs_problems import DECAY, moments_with_condition
from service.core.ground.problems import Layer, Network

GAP: Final = 1e-9
SMALL: Final = (30, 20)
LARGE: Final = (500, 100)
CONDITION: Final = 100.0
PATIENCE_S: Final = 60.0


def compare() -> list[Comparison]:
    """Seconds inside Clarabel alone, without the time of cvxpy, against the full answer from moments."""
    with threadpool_limits(limits=1):
        moments = moments_with_condition(CONDITION, *SMALL)
        loss, gap, seconds = _answer(SMALL, 10)
        cone = min((interior_point(moments, GAP) for _ in range(3)), key=lambda run: run.seconds)
        print(f"  {SMALL}: gap {gap:.1e}; Clarabel's loss is {cone.loss - loss:.1e} above", file=sys.stderr)
        assert abs(cone.loss - loss) <= 10.0 * GAP * loss
        _, large_gap, large_seconds = _answer(LARGE, 3)
    given_up, how = _interior_point_within_limits()
    print(f"  {LARGE}: gap {large_gap:.1e} in {large_seconds:.2f} s; Clarabel: {how}", file=sys.stderr)
    return [
        _row(SMALL, seconds, "Clarabel's own time to the same gap", cone.seconds, 1.0),
        _row(LARGE, large_seconds, f"Clarabel: {how}", given_up, 10.0),
    ]


def _answer(size: tuple[int, int], rounds: int) -> tuple[float, float, float]:
    """Loss, relative gap and seconds of the full answer."""
    moments = moments_with_condition(CONDITION, *size)
    network = Network((Layer(max(size), weight_decay=DECAY), Layer(size[1], weight_decay=DECAY)))
    answer = answered(network, moments)
    assert answer.certificate.relative_gap <= GAP
    seconds = best_time(lambda: answered(network, moments), rounds)
    return answer.solution.minimum.loss, answer.certificate.relative_gap, seconds


def _interior_point_within_limits() -> tuple[float, str]:
    """Seconds that the interior-point method took or was given, and how that ended."""
    command = [sys.executable, "-m", "benchmarks.outputs_cvxpy", *map(str, LARGE), str(GAP)]
    start = time.perf_counter()
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return PATIENCE_S, f"no answer in {PATIENCE_S:g} s"
    if ran.returncode == 0:
        return float(ran.stdout), "to the same gap"
    if "memory" not in ran.stderr:
        raise AssertionError(f"the interior-point method failed: {ran.stderr[-500:]}")
    return time.perf_counter() - start, f"{ran.stderr.strip().splitlines()[-1]}, time until then"


def _row(size: tuple[int, int], seconds: float, reference: str, reference_seconds: float, target: float) -> Comparison:
    return Comparison(
        work=f"two layers, {size[0]} inputs (condition {CONDITION:g}), {size[1]} outputs, gap <= {GAP:g}: full answer",
        measured=1.0 / seconds,
        reference=reference,
        measured_reference=1.0 / reference_seconds,
        unit="1/s",
        bound=target,
        at_least=True,
    )
