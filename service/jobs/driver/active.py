"""One job in a driver's hands."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.jobs.kind import JobKind
from service.jobs.progress import Cursor, RemoteStep
from service.jobs.values import ClaimedJob, JobState, Json, Payload, StoredStep


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an attempt is to end once nothing of it runs any more.

    One that is ``cut`` does not end: it goes on with the reduction of what is stored.
    """

    state: JobState
    error: Mapping[str, Json] | None = None
    result: Payload | None = None
    cut: bool = False


@dataclass(slots=True)
class ActiveJob:
    """What a driver remembers of a job between two turns; all of it can be derived from the store again.

    Attributes
    ----------
    outstanding : dict
        Key of each call in the pool, with its step and when it was submitted.
    unsaved : list
        Results that the store has not acknowledged yet.
    moves_after_s : float
        How long a call may wait behind another one while a worker is idle; grows with each call that was moved.
    verdict : Settlement, optional
        Set when the attempt is to end; ``dying`` then holds the calls that may still run.
    """

    claim: ClaimedJob
    kind: JobKind
    cursor: Cursor
    arrays: str | None
    outstanding: dict[str, tuple[RemoteStep, float]] = field(default_factory=dict)
    unsaved: list[tuple[RemoteStep, StoredStep]] = field(default_factory=list)
    verdict: Settlement | None = None
    dying: set[str] = field(default_factory=set)
    verdict_at: float = 0.0
    quiet_checks: int = 0
    lost: bool = False
    reported_at: float = 0.0
    unreported: bool = True
    tries: int = 0
    moves_after_s: float = 5.0

    @property
    def prefix(self) -> str:
        """Prefix of the keys of this job's calls, whichever driver submitted them."""
        return f"minima-{self.claim.job_id}/"

    def key(self, step: RemoteStep) -> str:
        """Make a key for one more try of a step, unlike every key before it."""
        self.tries += 1
        return f"{self.prefix}{self.claim.owner}/{self.claim.epoch}/{step.kind}/{step.index}/{self.tries}"

    def end(self, verdict: Settlement) -> None:
        """Decide how the attempt ends; the first decision stands."""
        if self.verdict is None:
            self.verdict = verdict
            self.verdict_at = time.monotonic()
            self.dying = set(self.outstanding)

    def go_on(self) -> None:
        """Reduce what is stored, now that nothing else runs."""
        self.cursor.cut()
        self.verdict, self.quiet_checks, self.dying = None, 0, set()


def failure(step: RemoteStep, kind: str, detail: str, place: str | None = None) -> Settlement:
    """Build the verdict of a step that cannot be computed: it names the chunk and says why."""
    error: dict[str, Json] = {"type": kind, "detail": detail, "step": str(step.kind), "chunk": step.index}
    if place is not None:
        error["place"] = place
    return Settlement(JobState.FAILED, error)
