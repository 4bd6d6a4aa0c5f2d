"""The end of an attempt without a result: nothing may compute for it any more."""

import time

from service.jobs.driver.active import ActiveJob
from service.jobs.driver.dispatch import Dispatcher
from service.jobs.engines.engine import Engine


def is_quiet(job: ActiveJob, engine: Engine, dispatcher: Dispatcher, grace_s: float) -> bool:
    """Take back what waits and, after a grace, kill what runs; tell whether no process computes for the job."""
    if job.outstanding:
        dispatcher.drop(job.outstanding)
        job.outstanding.clear()
    if not job.quiet_checks:
        job.dying.update(engine.evict(job.prefix))
    running = engine.running(job.dying)
    if not running:
        # Twice, because a call may begin while the word that nobody wants it is on its way.
        job.quiet_checks += 1
        return job.quiet_checks > 1
    if time.monotonic() - job.verdict_at > grace_s:
        engine.kill(list(running))
    return False
