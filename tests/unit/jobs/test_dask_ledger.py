"""What the scheduler keeps beside Dask: a call belongs to a worker that lives."""

import asyncio
from types import SimpleNamespace
from typing import Any

from service.jobs.engines.dask_ledger import Ledger

WORKER = "tcp://127.0.0.1:4001"
KEY = "call"


def opened() -> tuple[Ledger, Any]:
    """A ledger, and a scheduler with one worker and one wanted call."""
    scheduler = SimpleNamespace(
        workers={WORKER: object()},
        tasks={KEY: SimpleNamespace(who_wants={"client"})},
        total_nthreads=1,
        extensions={"amm": SimpleNamespace(stop=lambda: None)},
        handlers={},
        allowed_failures=3,
    )
    ledger = Ledger()
    asyncio.run(ledger.start(scheduler))  # type: ignore[arg-type]  # what the ledger reads of it
    return ledger, scheduler


def test_a_call_that_ended_or_died_keeps_nobody_busy() -> None:
    ledger, scheduler = opened()
    assert ledger.began(KEY, WORKER, 7)
    assert ledger.census()["busy"] == 1
    ledger.ended(KEY)
    assert ledger.census()["busy"] == 0
    assert ledger.began(KEY, WORKER, 7)
    del scheduler.workers[WORKER]
    ledger.remove_worker(scheduler, WORKER)
    assert ledger.census()["busy"] == 0
    assert ledger.blame(KEY)


def test_what_a_worker_said_before_it_died_is_not_noted_after_its_end() -> None:
    ledger, scheduler = opened()
    del scheduler.workers[WORKER]
    ledger.remove_worker(scheduler, WORKER)
    assert not ledger.began(KEY, WORKER, 7)
    assert ledger.census()["busy"] == 0
    assert not ledger.blame(KEY)
