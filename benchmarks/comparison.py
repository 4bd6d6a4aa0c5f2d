"""One measured ratio, and how to take a time that other processes disturb little."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """One kind of work against its reference.

    Attributes
    ----------
    work, reference : str
        What was measured on each side, with its size.
    measured, measured_reference : float
        Seconds, or requests a second: both in `unit`.
    unit : str
    bound : float
        The target for ``measured / measured_reference``.
    at_least : bool
        Whether `bound` is a floor (rates) or a ceiling (times).
    """

    work: str
    measured: float
    reference: str
    measured_reference: float
    unit: str
    bound: float
    at_least: bool

    @property
    def ratio(self) -> float:
        """How many times the reference."""
        return self.measured / self.measured_reference

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio >= self.bound if self.at_least else self.ratio <= self.bound


def best_time(work: Callable[[], object], repeats: int = 5) -> float:
    """The least of several times in seconds: what the work costs when nothing else disturbs it."""
    return min(_times(work, repeats, time.perf_counter))


def best_core_time(work: Callable[[], object], repeats: int = 5) -> float:
    """The same in seconds of a core, for work of one thread: time that others hold the core is not counted."""
    return min(_times(work, repeats, time.process_time))


def _times(work: Callable[[], object], repeats: int, clock: Callable[[], float]) -> list[float]:
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return times
