"""Changes that callers, drivers and the janitor share, each inside its caller's transaction."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, select, update

from service.jobs.store.database import Database
from service.jobs.store.tables import attempts, blobs, events, jobs, losses, steps, subscriptions
from service.jobs.values import JobState, Payload


def restart_attempt(connection: Connection, database: Database, identity: str) -> None:
    """Begin the next attempt of an ended job inside the caller's transaction."""
    connection.execute(
        update(jobs)
        .where(jobs.c.id == identity)
        .values(
            state=JobState.ACCEPTED,
            attempt=jobs.c.attempt + 1,
            epoch=jobs.c.epoch + 1,
            owner=None,
            lease_expires_at=None,
            deadline_at=None,
            cancel_requested=False,
            restart_requested=False,
            expired=False,
            chunks_total=None,
            chunks_done=0,
            started_at=None,
            finished_at=None,
            expires_at=None,
            error=None,
            result_hash=None,
            updated_at=database.clock,
        )
    )
    for table in (steps, losses):
        connection.execute(delete(table).where(table.c.job_id == identity))


def close_attempt(
    connection: Connection, database: Database, identity: str, number: int, *, state: JobState, error: str | None = None
) -> None:
    """Record how an attempt ended inside the caller's transaction."""
    query = update(attempts).where(attempts.c.job_id == identity, attempts.c.number == number)
    connection.execute(query.values(state=state, finished_at=database.clock, error=error))


def remove_job(connection: Connection, identity: str) -> None:
    """Remove a job with request, chunks, events and attempts, and its result unless another job has the same."""
    address = connection.execute(select(jobs.c.result_hash).where(jobs.c.id == identity)).scalar_one_or_none()
    for table in (steps, losses, events, attempts, subscriptions):
        connection.execute(delete(table).where(table.c.job_id == identity))
    connection.execute(delete(jobs).where(jobs.c.id == identity))
    if address is not None:
        remove_orphaned_blobs(connection, {address})


def remove_orphaned_blobs(connection: Connection, addresses: Collection[str]) -> None:
    """Remove those of some results that no job refers to.

    The rows are locked by one statement and judged by the next, which sees what a rival committed meanwhile.
    """
    if not addresses:
        return
    these = blobs.c.hash.in_(addresses)
    connection.execute(select(blobs.c.hash).where(these).order_by(blobs.c.hash).with_for_update())
    referenced = select(jobs.c.id).where(jobs.c.result_hash == blobs.c.hash).exists()
    connection.execute(delete(blobs).where(these, ~referenced))


def insert_blob(connection: Connection, database: Database, address: str, payload: Payload) -> None:
    """Store a result under its hash; an equal one is locked, so that nobody removes it meanwhile."""
    row = database.insert(blobs).values(
        hash=address, media_type=payload.media_type, body=payload.body, created_at=database.clock
    )
    connection.execute(row.on_conflict_do_update(index_elements=[blobs.c.hash], set_={"created_at": database.clock}))
