"""Who is served next: weighted round robin over jobs, with a head start for newcomers and no starvation."""

from collections.abc import Collection
from typing import Final

_HEAD_START: Final = 2.0
_OLDEST_EVERY: Final = 4


class FairQueue:
    """Chooses among jobs by virtual time: each turn costs a job ``1 / weight``.

    A new job begins two turns ahead of the others, so that a small one is not held up by a large one; every fourth
    turn goes to the job that has waited longest, so that a stream of small jobs cannot starve a large one.
    """

    def __init__(self) -> None:
        self._time: Final[dict[str, float]] = {}
        self._served: Final[dict[str, int]] = {}
        self._weight: Final[dict[str, int]] = {}
        self._turns = 0

    def add(self, job: str, weight: int) -> None:
        """Let a job take part."""
        start = min(self._time.values(), default=0.0) - _HEAD_START / weight
        self._time[job] = start
        self._served[job] = self._turns
        self._weight[job] = weight

    def remove(self, job: str) -> None:
        """Let a job leave; one that is not there has left already."""
        for table in (self._time, self._served, self._weight):
            table.pop(job, None)

    def next(self, ready: Collection[str]) -> str:
        """Choose one of the jobs that have something to do, and charge it for the turn."""
        self._turns += 1
        if self._turns % _OLDEST_EVERY == 0:
            job = min(ready, key=lambda name: (self._served[name], name))
        else:
            job = min(ready, key=lambda name: (self._time[name], self._served[name], name))
        self._time[job] += 1.0 / self._weight[job]
        self._served[job] = self._turns
        return job
