"""The driver: claims jobs, keeps the pool busy and fair, stores what comes back, and ends what must end."""

import logging
import time
from collections import Counter
from dataclasses import dataclass
from threading import Event
from typing import Final

from service.errors import EngineError
from service.jobs.driver.active import ActiveJob, Settlement, failure
from service.jobs.driver.dispatch import Dispatcher
from service.jobs.driver.overdue import move_waiting, stop_stuck
from service.jobs.driver.restoring import Refusal, restore
from service.jobs.driver.stopping import is_quiet
from service.jobs.engines.engine import CallOutcome, Ending, Engine
from service.jobs.kind import KindTable
from service.jobs.progress import RemoteStep
from service.jobs.store.drivers import DriverStore, LeaseLostError
from service.jobs.values import ClaimedJob, JobState, StepKind, StoredStep

_log: Final = logging.getLogger(__name__)
CHUNKS: Final = "chunks"


@dataclass(frozen=True, slots=True)
class DriverOptions:
    """What one may tune.

    Attributes
    ----------
    poll_s : float
        Longest pause between two looks at the store.
    max_jobs : int
        Jobs driven at once.
    max_losses : int
        Deaths of workers under one step that a job survives.
    grace_s : float
        How long a call that must stop may take to end by itself before its process is killed.
    progress_s : float
        Least time between two progress events of a job.
    """

    poll_s: float = 0.05
    max_jobs: int = 16
    max_losses: int = 3
    grace_s: float = 0.3
    progress_s: float = 0.2


class Driver:
    """Drives the jobs it has claimed, one turn after the other, in one thread that computes nothing itself.

    Parameters
    ----------
    store : DriverStore
        Fenced writes.
    engine : Engine
        The pool.
    table : mapping
        The operations.
    """

    def __init__(self, store: DriverStore, engine: Engine, table: KindTable, options: DriverOptions) -> None:
        self._store: Final = store
        self._engine: Final = engine
        self._table: Final = table
        self._options: Final = options
        self._jobs: Final[dict[str, ActiveJob]] = {}
        self._dispatcher: Final = Dispatcher(store, engine, self._jobs)
        self._tally: Final[Counter[str]] = Counter()
        self._stopped: Final = Event()
        self._looked_at = 0.0
        self.turned_at = time.monotonic()

    def run(self) -> None:
        """Turn until `stop`."""
        while not self._stopped.is_set():
            self.turn()

    def stop(self) -> None:
        """Leave after the current turn; leases then expire and others take over."""
        self._stopped.set()

    def claims(self) -> list[ClaimedJob]:
        """Return the claims to renew; called from the thread that renews them."""
        return [job.claim for job in list(self._jobs.values())]

    def disown(self, job_id: str) -> None:
        """Note that a claim no longer holds; called from the thread that renews them."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.lost = True

    def tally(self) -> dict[str, int]:
        """Count what this driver did: ``chunks`` stored, and attempts by the state in which they ended."""
        return dict(self._tally)

    def turn(self) -> None:
        """Do everything there is to do once."""
        self.turned_at = time.monotonic()
        for outcome in self._engine.outcomes(self._options.poll_s):
            self._take(outcome)
        look = time.monotonic() - self._looked_at >= self._options.poll_s
        try:
            if look:
                self._looked_at = time.monotonic()
                self._notice_interrupts()
                self._claim()
        except EngineError as error:
            _log.warning("%s; trying again", error)
            self._stopped.wait(0.2)
        for job in list(self._jobs.values()):
            self._tend(job, look=look)
        self._dispatcher.hand_out()

    def _tend(self, job: ActiveJob, *, look: bool) -> None:
        """Do for one job what concerns the store; a job whose claim is gone is dropped on the spot."""
        if job.lost:
            self._abandon(job)
            return
        try:
            self._save(job)
            if look:
                stop_stuck(job, self._engine)
                move_waiting(job, self._engine, self._dispatcher)
                self._report(job)
            if job.verdict is not None and not job.unsaved:
                self._settle(job, job.verdict)
        except LeaseLostError:
            _log.warning("job %s is driven by somebody else now", job.claim.job_id)
            self._abandon(job)
        except EngineError as error:
            _log.warning("%s; keeping %d results of job %s", error, len(job.unsaved), job.claim.job_id)

    def _notice_interrupts(self) -> None:
        owners = [job.claim.owner for job in self._jobs.values() if job.verdict is None]
        for job_id, why in self._store.interrupted(owners).items():
            job = self._jobs[job_id]
            if why == "cancel":
                job.end(Settlement(JobState.DISMISSED))
            elif not job.cursor.plan.anytime:
                detail = "the job's time limit has passed"
                job.end(Settlement(JobState.FAILED, {"type": "TimeLimit", "detail": detail}))
            elif job.cursor.can_be_cut and not job.cursor.is_cut:
                job.end(Settlement(JobState.RUNNING, cut=True))

    def _claim(self) -> None:
        if not self._engine.workers():
            return
        for claim in self._store.claim(self._options.max_jobs - len(self._jobs)):
            self._adopt(claim)

    def _adopt(self, claim: ClaimedJob) -> None:
        job = restore(claim, self._table, self._store, self._engine)
        if isinstance(job, Refusal):
            self._refuse(claim, job)
            return
        self._jobs[claim.job_id] = job
        self._dispatcher.add(job)
        # What an earlier driver left in the pool has no reader any more.
        self._engine.kill(self._engine.evict(job.prefix))

    def _refuse(self, claim: ClaimedJob, why: Refusal) -> None:
        try:
            self._store.finish(claim, JobState.FAILED, error={"type": why.kind, "detail": why.detail})
            self._tally[JobState.FAILED] += 1
        except LeaseLostError:
            _log.warning("job %s was lost before it was refused", claim.job_id)

    def _take(self, outcome: CallOutcome) -> None:
        job = self._dispatcher.owner_of(outcome.key)
        if job is None:
            return
        step, _ = job.outstanding.pop(outcome.key)
        if outcome.ending is Ending.DONE and outcome.payload is not None:
            stored = StoredStep(step.kind, step.index, outcome.payload, outcome.seconds)
            job.unsaved.append((step, stored))
        elif outcome.ending is Ending.RAISED:
            error = outcome.error
            job.end(failure(step, error["type"], error["detail"], error["place"]))
        elif outcome.ending is Ending.UNSTARTED:
            job.cursor.repeat(step)
        else:
            self._count_loss(job, step)

    def _count_loss(self, job: ActiveJob, step: RemoteStep) -> None:
        try:
            times = self._store.count_loss(job.claim, step.kind, step.index)
        except LeaseLostError:
            job.lost = True
            return
        except EngineError:
            times = 0
        if times > self._options.max_losses:
            detail = f"its worker died {times} times: killed from outside, or out of memory"
            job.end(failure(step, "WorkerLost", detail))
        else:
            job.cursor.repeat(step)

    def _save(self, job: ActiveJob) -> None:
        if not job.unsaved:
            return
        checkpoints = [stored for step, stored in job.unsaved if step.kind is not StepKind.REDUCE]
        if checkpoints:
            self._tally[CHUNKS] += self._store.save_steps(job.claim, checkpoints)
            job.unreported = True
        for step, stored in job.unsaved:
            job.cursor.store(step, stored.payload)
            if step.kind is StepKind.REDUCE:
                job.end(Settlement(JobState.SUCCESSFUL, result=stored.payload))
        job.unsaved.clear()

    def _report(self, job: ActiveJob) -> None:
        now = time.monotonic()
        if job.unreported and now - job.reported_at >= self._options.progress_s:
            self._store.save_progress(job.claim, job.cursor.known_total)
            job.unreported, job.reported_at = False, now

    def _settle(self, job: ActiveJob, verdict: Settlement) -> None:
        """End an attempt once no process computes for it any more."""
        if verdict.result is None and not is_quiet(job, self._engine, self._dispatcher, self._options.grace_s):
            return
        if verdict.cut:
            job.go_on()
            return
        if job.unreported:
            self._store.save_progress(job.claim, job.cursor.known_total)
            job.unreported = False
        self._store.finish(job.claim, verdict.state, result=verdict.result, error=verdict.error)
        self._tally[verdict.state] += 1
        self._abandon(job)

    def _abandon(self, job: ActiveJob) -> None:
        self._dispatcher.drop(job.outstanding)
        self._dispatcher.remove(job)
        del self._jobs[job.claim.job_id]
        if job.arrays is not None and all(other.arrays != job.arrays for other in self._jobs.values()):
            self._engine.unshare(job.arrays)
