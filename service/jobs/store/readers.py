"""What callers may read of the store: jobs, results, partial results and events, each of their own tenant only."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, select, tuple_

from service.errors import JobError
from service.jobs.codec import join
from service.jobs.identity import IDENTITY
from service.jobs.store.database import Database
from service.jobs.store.rows import PUBLIC, event_of, job_of
from service.jobs.store.tables import attempts, blobs, events, jobs, steps
from service.jobs.values import ACTIVE, Event, Job, JobState, Payload, StepKind, StoredStep


class JobReader:
    """The reading side of callers; every method is one transaction.

    Parameters
    ----------
    database : Database
        Where the truth lives.
    """

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    def get(self, identity: str, tenant: str) -> Job:
        """Read one job.

        Raises
        ------
        JobError
            ``missing`` if this tenant has no such job.
        """
        with self._database.reading() as connection:
            return self._visible(connection, identity, tenant)

    def result(self, identity: str, tenant: str) -> tuple[Job, Payload]:
        """Read the result of a successful job.

        Raises
        ------
        JobError
            ``missing``, ``expired``, or ``conflict`` while there is none.
        """
        with self._database.reading() as connection:
            job = self._visible(connection, identity, tenant)
            if job.expired:
                raise JobError("the result of this job has expired; submit again", "expired")
            if job.state is not JobState.SUCCESSFUL:
                raise JobError(f"this job is {job.state} and has no result", "conflict")
            row = connection.execute(select(blobs).where(blobs.c.hash == job.result_hash)).one()
            return job, join(Payload(row.media_type, row.body), lambda number: self._chunk(connection, job, number))

    def _chunk(self, connection: Connection, job: Job, number: int) -> Payload:
        query = select(steps).where(steps.c.job_id == job.id, steps.c.attempt == job.attempt)
        row = connection.execute(query.where(steps.c.kind == StepKind.WORK, steps.c.number == number)).one()
        return Payload(row.media_type, row.body)

    def partial(self, identity: str, tenant: str, after: int = -1, limit: int = 100) -> tuple[Job, list[StoredStep]]:
        """Read the chunks stored so far, in index order, those above index ``after``."""
        with self._database.reading() as connection:
            job = self._visible(connection, identity, tenant)
            if job.expired:
                raise JobError("the chunks of this job have expired", "expired")
            query = (
                select(steps)
                .where(steps.c.job_id == identity, steps.c.attempt == job.attempt, steps.c.kind == StepKind.WORK)
                .where(steps.c.number > after)
                .order_by(steps.c.number)
                .limit(limit)
            )
            found = [
                StoredStep(StepKind.WORK, row.number, Payload(row.media_type, row.body), row.seconds)
                for row in connection.execute(query)
            ]
            return job, found

    def events(self, identity: str, tenant: str, after: int = 0, limit: int = 500) -> tuple[Job, list[Event]]:
        """Read the events with ids above ``after``, oldest first, with the job as it was just after them."""
        with self._database.reading() as connection:
            query = (
                select(events)
                .where(events.c.job_id == identity, events.c.number > after)
                .order_by(events.c.number)
                .limit(limit)
            )
            job = self._visible(connection, identity, tenant)
            return job, [event_of(row) for row in connection.execute(query)]

    def event_counts(self, identities: Sequence[str]) -> Mapping[str, tuple[int, bool]]:
        """Tell of each job that there is how many events it has, which is the id of the last, and whether it ended."""
        query = select(jobs.c.id, jobs.c.event_count, jobs.c.state).where(jobs.c.id.in_(identities))
        with self._database.reading() as connection:
            return {row.id: (row.event_count, row.state not in ACTIVE) for row in connection.execute(query)}

    def list(
        self, tenant: str, *, before: tuple[float, str] | None = None, limit: int = 50, state: JobState | None = None
    ) -> list[Job]:
        """List jobs, newest first, strictly after the position ``(created_at, id)`` of the last one seen."""
        query = select(*PUBLIC).where(jobs.c.tenant == tenant)
        if before is not None:
            query = query.where(tuple_(jobs.c.created_at, jobs.c.id) < tuple_(*before))
        if state is not None:
            query = query.where(jobs.c.state == state)
        query = query.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [job_of(row) for row in connection.execute(query)]

    def active(self) -> dict[JobState, int]:
        """Count the jobs that wait and those that run, of all tenants."""
        query = select(jobs.c.state, func.count()).where(jobs.c.state.in_(ACTIVE)).group_by(jobs.c.state)
        with self._database.reading() as connection:
            found = {JobState(state): count for state, count in connection.execute(query)}
        return {state: found.get(state, 0) for state in (JobState.ACCEPTED, JobState.RUNNING)}

    def oldest_waiting_s(self) -> float:
        """Seconds that the oldest attempt waits that no driver has taken; 0 if there is none."""
        waiting = (jobs.c.id == attempts.c.job_id) & (jobs.c.attempt == attempts.c.number)
        query = (
            select(self._database.clock - func.min(attempts.c.created_at))
            .select_from(attempts.join(jobs, waiting))
            .where(jobs.c.state == JobState.ACCEPTED)
        )
        with self._database.reading() as connection:
            return max(0.0, connection.execute(query).scalar_one() or 0.0)

    def request_of(self, identity: str, tenant: str) -> str | None:
        """Read the stored canonical request, None once it has expired."""
        with self._database.reading() as connection:
            self._visible(connection, identity, tenant)
            return connection.execute(select(jobs.c.request).where(jobs.c.id == identity)).scalar_one_or_none()

    def _visible(self, connection: Connection, identity: str, tenant: str) -> Job:
        check_form(identity)
        query = select(*PUBLIC).where(jobs.c.id == identity, jobs.c.tenant == tenant)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise JobError("there is no such job", "missing")
        return job_of(row)


def check_form(identity: str) -> None:
    """`JobError` for what cannot be the id of a job."""
    if not IDENTITY.fullmatch(identity):
        raise JobError("there is no such job", "missing")
