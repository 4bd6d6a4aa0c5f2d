"""How the kernel shares a core between two processes that both would like to have it."""

import os
import time

import psutil  # type: ignore[import-untyped]  # ships no annotations


def beside(rival: int, seconds: float) -> tuple[float, float]:
    """Compute on the same core as a busy process; seconds of it that this process had meanwhile, and that it had.

    Other work on the machine takes from both alike: this process leaves the session that it shares with it.
    """
    os.setsid()
    core = min(os.sched_getaffinity(0))
    for thread in (0, *(each.id for each in psutil.Process(rival).threads())):
        os.sched_setaffinity(thread, {core})
    before, was = _taken(rival), time.process_time()
    # By what the two have had, not by the clock: on a busy machine that takes longer.
    while time.process_time() - was + _taken(rival) - before < seconds:
        sum(range(20_000))
    return time.process_time() - was, _taken(rival) - before


def _taken(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
