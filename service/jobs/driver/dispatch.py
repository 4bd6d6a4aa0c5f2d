"""Which step goes to the pool next: fairness between the jobs of one driver, and what they have there."""

import time
from collections.abc import Collection, Mapping
from typing import Final

from service.errors import EngineError
from service.jobs.codec import encode
from service.jobs.driver.active import ActiveJob
from service.jobs.driver.fairness import FairQueue
from service.jobs.engines.engine import Engine
from service.jobs.progress import RemoteStep
from service.jobs.store.drivers import DriverStore
from service.jobs.values import Payload, StepKind
from service.operations.plans.columns import reference

_FIRST_CHUNKS: Final = 2


class Dispatcher:
    """Hands out steps, at most two for each worker; what waits in the pool gives way to a job's first and last.

    Parameters
    ----------
    store : DriverStore
        For the stored results that steps receive.
    engine : Engine
        The pool.
    jobs : mapping
        The driver's jobs by id, as they are now.
    """

    def __init__(self, store: DriverStore, engine: Engine, jobs: Mapping[str, ActiveJob]) -> None:
        self._store: Final = store
        self._engine: Final = engine
        self._jobs: Final = jobs
        self._owners: Final[dict[str, str]] = {}
        self._fair: Final = FairQueue()

    def add(self, job: ActiveJob) -> None:
        """Let a job take part."""
        self._fair.add(job.claim.job_id, job.claim.weight)

    def remove(self, job: ActiveJob) -> None:
        """Let a job leave."""
        self._fair.remove(job.claim.job_id)

    def owner_of(self, key: str) -> ActiveJob | None:
        """Forget a call that has ended and return its job, None if that is gone."""
        job_id = self._owners.pop(key, None)
        return None if job_id is None else self._jobs.get(job_id)

    def drop(self, keys: Collection[str]) -> None:
        """Forget calls here and in the pool."""
        for key in keys:
            self._owners.pop(key, None)
        self._engine.drop(list(keys))

    def hand_out(self) -> None:
        """Fill the pool."""
        room = 2 * self._engine.workers() - len(self._owners)
        waiting: dict[str, RemoteStep] = {}
        self._draw(waiting)
        while waiting and room > 0:
            name = self._fair.next(waiting)
            self._submit(self._jobs[name], waiting.pop(name))
            self._draw(waiting)
            room -= 1
        for name in list(waiting):
            while name in waiting and _may_displace(self._jobs[name], waiting[name]) and self._displace(name):
                self._submit(self._jobs[name], waiting.pop(name))
                self._draw(waiting)
        for name, step in waiting.items():
            self._jobs[name].cursor.repeat(step)

    def _draw(self, waiting: dict[str, RemoteStep]) -> None:
        for name, job in self._jobs.items():
            if name not in waiting and job.verdict is None and not job.lost:
                step = job.cursor.next_step()
                if step is not None:
                    waiting[name] = step

    def _displace(self, name: str) -> bool:
        """Take back one call that has not begun from the job that has most in the pool; tell whether there was one."""
        victim = max(self._jobs.values(), key=lambda job: len(job.outstanding))
        if len(victim.outstanding) <= len(self._jobs[name].outstanding) + 1:
            return False
        begun = self._engine.running(list(victim.outstanding))
        idle = [key for key in victim.outstanding if key not in begun]
        if not idle:
            return False
        step, _ = victim.outstanding.pop(idle[-1])
        self.drop(idle[-1:])
        victim.cursor.repeat(step)
        return True

    def _submit(self, job: ActiveJob, step: RemoteStep) -> None:
        try:
            inputs = self._inputs(job, step)
        except EngineError:
            job.cursor.repeat(step)
            return
        key = job.key(step)
        job.outstanding[key] = (step, time.monotonic())
        self._owners[key] = job.claim.job_id
        self._engine.submit(key, job.cursor.call(step, job.arrays, inputs))

    def _inputs(self, job: ActiveJob, step: RemoteStep) -> tuple[Payload, ...]:
        needs = job.cursor.needs(step)
        if needs.numbers == ():
            return ()
        known = self._store.hashes(job.claim, needs.referenced) if needs.referenced else []
        found = self._store.payloads(job.claim, StepKind.WORK, max(needs.first, needs.referenced), needs.numbers)
        return (*(encode(reference(index, digest)) for index, digest in known), *(step.payload for step in found))


def _may_displace(job: ActiveJob, step: RemoteStep) -> bool:
    return step.kind is not StepKind.WORK or job.tries < _FIRST_CHUNKS
