"""What a worker makes of faults that are not the chunk's."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from distributed.comm.core import CommClosedError

from service.jobs.engines import dask_worker
from service.jobs.engines.engine import Call, Ending
from service.jobs.engines.versions import VERSIONS
from tests.support.job_operations import PLACE


@pytest.mark.parametrize("error", [CommClosedError("closed"), OSError("away"), TimeoutError(), RuntimeError("loop")])
def test_a_start_that_cannot_be_announced_is_nobodys_fault(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    told: list[str] = []
    loop = SimpleNamespace(add_callback=lambda _function, _worker, key: told.append(key))
    scheduler = SimpleNamespace(minima_began=None)
    worker = SimpleNamespace(loop=loop, scheduler=scheduler, address="tcp://127.0.0.1:1")
    monkeypatch.setattr(dask_worker, "get_worker", lambda: worker)
    monkeypatch.setattr(dask_worker, "sync", broken)
    outcome = dask_worker.run_call(VERSIONS, PLACE, "key", Call("count", "value", "{}"), None)
    assert outcome.ending is Ending.UNSTARTED
    assert told == ["key"]


@pytest.mark.parametrize(
    "error", [CommClosedError("closed"), OSError("away"), RuntimeError("ConnectionPool is closed")]
)
def test_an_end_that_cannot_be_told_ends_quietly(error: Exception) -> None:
    async def broken(**_: object) -> None:
        raise error

    worker: Any = SimpleNamespace(scheduler=SimpleNamespace(minima_ended=broken))
    asyncio.run(dask_worker._tell_ended(worker, "key"))
