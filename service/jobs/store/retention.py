"""Retention: expired rows are removed, jobs that nobody can continue fail, and drivers record that they are alive."""

import json
import socket
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import delete, func, select, update

from service.jobs.store.changes import close_attempt, remove_orphaned_blobs
from service.jobs.store.database import Database
from service.jobs.store.file import keep_reserve
from service.jobs.store.rows import append_event
from service.jobs.store.tables import attempts, datasets, drivers, events, jobs, losses, steps, subscriptions
from service.jobs.values import ACTIVE, JobState

_BATCH: Final = 200
_TOMBSTONE_FACTOR: Final = 4.0


class Janitor:
    """Keeps the store small and its list of drivers true.

    Parameters
    ----------
    database : Database
        The store.
    retention_s : float
        A job's tombstone, which answers 410, is kept four times as long as the job.
    dataset_retention_s : float
        The same for data sets, from their last use.
    orphaned_after_s : float
        Seconds after which an active job of an engine version that no driver runs is failed.
    live_s : float
        Seconds without a beat after which a driver counts as gone; three beats are a good choice.
    """

    def __init__(
        self,
        database: Database,
        retention_s: float,
        orphaned_after_s: float = 900.0,
        live_s: float = 6.0,
        dataset_retention_s: float = 30 * 86400.0,
    ) -> None:
        self._database: Final = database
        self._retention_s: Final = retention_s
        self._orphaned_after_s: Final = orphaned_after_s
        self._live_s: Final = live_s
        self._dataset_retention_s: Final = dataset_retention_s

    def beat(self, driver_id: str, engine_version: str, workers: int, *, embedded: bool) -> None:
        """Record that a driver is alive."""
        clock = self._database.clock
        row = self._database.insert(drivers).values(
            id=driver_id,
            host=socket.gethostname(),
            engine_version=engine_version,
            embedded=embedded,
            workers=workers,
            started_at=clock,
            seen_at=clock,
        )
        row = row.on_conflict_do_update(index_elements=[drivers.c.id], set_={"seen_at": clock, "workers": workers})
        with self._database.writing() as connection:
            connection.execute(row)
            connection.execute(delete(drivers).where(drivers.c.seen_at < clock - 3600.0))

    def leave(self, driver_id: str) -> None:
        """Record that a driver has stopped."""
        with self._database.writing() as connection:
            connection.execute(delete(drivers).where(drivers.c.id == driver_id))

    def neighbours(self, driver_id: str) -> int:
        """Count the other living drivers on this machine that have a pool of their own."""
        query = select(func.count()).select_from(drivers).where(drivers.c.seen_at > self._database.clock - self._live_s)
        query = query.where(drivers.c.host == socket.gethostname(), drivers.c.embedded, drivers.c.id != driver_id)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def others(self, driver_id: str) -> int:
        """Count the living drivers but this one."""
        query = select(func.count()).select_from(drivers).where(drivers.c.seen_at > self._database.clock - self._live_s)
        with self._database.reading() as connection:
            return int(connection.execute(query.where(drivers.c.id != driver_id)).scalar_one())

    def collect(self) -> int:
        """Forget what has expired and fail what nobody can continue; return how many rows that changed."""
        if self._database.file is not None:
            keep_reserve(self._database.file)
        batches = (self._expire, self._bury, self._fail_orphans)
        return sum(map(_to_the_end, batches)) + self._expire_datasets() + self._bury_datasets()

    def _expire(self) -> int:
        due = (jobs.c.expires_at < self._database.clock) & ~jobs.c.expired & jobs.c.state.not_in(ACTIVE)
        with self._database.writing() as connection:
            query = select(jobs.c.id, jobs.c.result_hash).where(due).limit(_BATCH).with_for_update(skip_locked=True)
            found = connection.execute(query).all()
            identities = [row.id for row in found]
            for table in (steps, losses, events, subscriptions):
                connection.execute(delete(table).where(table.c.job_id.in_(identities)))
            change = {"expired": True, "request": None, "result_hash": None}
            connection.execute(update(jobs).where(jobs.c.id.in_(identities)).values(**change))
            remove_orphaned_blobs(connection, {row.result_hash for row in found if row.result_hash})
            return len(identities)

    def _bury(self) -> int:
        due = jobs.c.expired & (jobs.c.expires_at < self._database.clock - _TOMBSTONE_FACTOR * self._retention_s)
        with self._database.writing() as connection:
            found = connection.execute(select(jobs.c.id).where(due).limit(_BATCH)).scalars().all()
            connection.execute(delete(attempts).where(attempts.c.job_id.in_(found)))
            return connection.execute(delete(jobs).where(jobs.c.id.in_(found), due)).rowcount

    def _expire_datasets(self) -> int:
        clock = self._database.clock
        due = (datasets.c.used_at < clock - self._dataset_retention_s) & datasets.c.deleted_at.is_(None)
        change = {"summary": None, "columns": None, "body": None, "deleted_at": clock, "expired": True}
        with self._database.writing() as connection:
            return connection.execute(update(datasets).where(due).values(**change)).rowcount

    def _bury_datasets(self) -> int:
        due = datasets.c.deleted_at < self._database.clock - _TOMBSTONE_FACTOR * self._dataset_retention_s
        with self._database.writing() as connection:
            return connection.execute(delete(datasets).where(due)).rowcount

    def _fail_orphans(self) -> int:
        clock = self._database.clock
        served = select(drivers.c.id).where(
            drivers.c.engine_version == jobs.c.engine_version, drivers.c.seen_at > clock - self._live_s
        )
        unowned = jobs.c.owner.is_(None) | (jobs.c.lease_expires_at < clock)
        due = jobs.c.state.in_(ACTIVE) & unowned & (jobs.c.updated_at < clock - self._orphaned_after_s)
        due &= ~served.exists()
        error = json.dumps({"type": "EngineGone", "detail": "no driver runs this job's engine version; submit again"})
        change = {"state": JobState.FAILED, "finished_at": clock, "error": error, "owner": None}
        with self._database.writing() as connection:
            query = select(jobs.c.id, jobs.c.attempt).where(due).limit(_BATCH).with_for_update(skip_locked=True)
            found = connection.execute(query).all()
            for row in found:
                connection.execute(
                    update(jobs)
                    .where(jobs.c.id == row.id)
                    .values(**change, epoch=jobs.c.epoch + 1, expires_at=clock + self._retention_s)
                )
                close_attempt(connection, self._database, row.id, row.attempt, state=JobState.FAILED, error=error)
                append_event(connection, clock, row.id, "state", {"state": JobState.FAILED})
            return len(found)


def _to_the_end(batch: Callable[[], int]) -> int:
    """Repeat a batch until nothing is due, leaving the store to others for as long as each took."""
    changed = 0
    while True:
        began = time.monotonic()
        latest = batch()
        changed += latest
        if latest < _BATCH:
            return changed
        time.sleep(time.monotonic() - began)
