"""Between rows and values."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, update
from sqlalchemy.sql.elements import ColumnElement

from service.jobs.seal import Seal
from service.jobs.store.tables import events, jobs
from service.jobs.values import ClaimedJob, Event, Job, JobState, Json

PUBLIC: Final = (
    jobs.c.id,
    jobs.c.operation,
    jobs.c.tenant,
    jobs.c.engine_version,
    jobs.c.state,
    jobs.c.attempt,
    jobs.c.epoch,
    jobs.c.cancel_requested,
    jobs.c.expired,
    jobs.c.weight,
    jobs.c.time_limit_s,
    jobs.c.cost_estimate_s,
    jobs.c.reason,
    jobs.c.chunks_total,
    jobs.c.chunks_done,
    jobs.c.created_at,
    jobs.c.started_at,
    jobs.c.finished_at,
    jobs.c.updated_at,
    jobs.c.expires_at,
    jobs.c.error,
    jobs.c.result_hash,
)


def job_of(row: Row[*tuple[Any, ...]]) -> Job:
    """Build the public value of a row of `PUBLIC`."""
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's mapping
    values["state"] = JobState(values["state"])
    values["error"] = None if values["error"] is None else json.loads(values["error"])
    return Job(**values)


def claim_of(row: Row[*tuple[Any, ...]]) -> ClaimedJob:
    """Build the claim of a row that was just claimed."""
    return ClaimedJob(
        job_id=row.id,
        attempt=row.attempt,
        owner=row.owner,
        epoch=row.epoch,
        operation=row.operation,
        request=json.loads(row.request),
        weight=row.weight,
        seal=None if row.seal is None else Seal.from_text(row.seal),
    )


def event_of(row: Row[*tuple[Any, ...]]) -> Event:
    """Build an event of its row."""
    return Event(row.number, row.name, json.loads(row.data), row.at)


def append_event(
    connection: Connection, clock: ColumnElement[float], job_id: str, name: str, data: Mapping[str, Json]
) -> None:
    """Append one event inside the caller's transaction, which has locked the job's row."""
    counted = update(jobs).where(jobs.c.id == job_id).values(event_count=jobs.c.event_count + 1)
    number = connection.execute(counted.returning(jobs.c.event_count)).scalar_one()
    row = {"job_id": job_id, "number": number, "name": name, "data": json.dumps(data)}
    connection.execute(insert(events).values(**row, at=clock))
