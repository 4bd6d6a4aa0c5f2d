"""Calls that are out for too long: what is stuck ends its job, what waits behind another call goes elsewhere."""

import time
from typing import Final

from service.jobs.driver.active import ActiveJob, failure
from service.jobs.driver.dispatch import Dispatcher
from service.jobs.engines.engine import Engine

_MOVES_AT_MOST_AFTER_S: Final = 60.0


def stop_stuck(job: ActiveJob, engine: Engine) -> None:
    """End a job of which a call computes for longer than its operation allows."""
    limit = job.kind.stuck_after_s
    for key, seconds in engine.running(_out_for(job, limit)).items():
        if seconds > limit:
            detail = f"it ran longer than {limit:g} s"
            job.end(failure(job.outstanding[key][0], "ChunkLimit", detail))


def move_waiting(job: ActiveJob, engine: Engine, dispatcher: Dispatcher) -> None:
    """Submit again what waits at a busy worker for long while another is idle.

    The pool takes tasks back from a worker only with its consent, which one that holds the interpreter's lock
    cannot give.
    """
    old = _out_for(job, job.moves_after_s)
    census = engine.census()
    if not old or census.busy >= census.alive:
        return
    begun = engine.running(old)
    waiting = [key for key in old if key not in begun]
    if waiting:
        job.moves_after_s = min(2.0 * job.moves_after_s, _MOVES_AT_MOST_AFTER_S)
        for key in waiting:
            job.cursor.repeat(job.outstanding.pop(key)[0])
        dispatcher.drop(waiting)


def _out_for(job: ActiveJob, seconds: float) -> list[str]:
    now = time.monotonic()
    return [key for key, (_, since) in job.outstanding.items() if now - since > seconds]
