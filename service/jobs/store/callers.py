"""What callers may do to the store: submit, subscribe and dismiss, beside reading.  Only drivers write results."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select, update

from service.errors import JobError, QueueFull
from service.jobs.identity import canonical_json, job_id
from service.jobs.store.changes import close_attempt, remove_job, restart_attempt
from service.jobs.store.database import Database
from service.jobs.store.readers import JobReader, check_form
from service.jobs.store.rows import PUBLIC, append_event, job_of
from service.jobs.store.tables import attempts, jobs, subscriptions
from service.jobs.values import ACTIVE, Job, JobState, Json, Submission

EVERYBODY: Final = "anonymous"


class JobStore(JobReader):
    """The callers' side of the store; every method is one transaction.

    Parameters
    ----------
    database : Database
        Where the truth lives.
    engine_version : str
        Part of every job's identity.
    queue_limit : int
        Most jobs that may be active at once.
    retention_s : float
        Seconds an ended job is kept.
    """

    def __init__(
        self, database: Database, engine_version: str, queue_limit: int = 10_000, retention_s: float = 7 * 86400.0
    ) -> None:
        super().__init__(database)
        self._retention_s: Final = retention_s
        self._engine_version: Final = engine_version
        self._queue_limit: Final = queue_limit

    def submit(self, submission: Submission) -> tuple[Job, bool]:
        """Store a question, or find it.

        Returns
        -------
        job : Job
            The one job of this question.
        started : bool
            Whether this call began an attempt; False when the answer is there or on its way.

        Raises
        ------
        QueueFull
            If an attempt would begin and too many are active.
        EngineError
            If the store is away; nothing was accepted then.
        """
        request = canonical_json(submission.request)
        identity = job_id(submission.operation, request, self._engine_version, submission.tenant)
        with self._database.writing() as connection:
            found = self._locked(connection, identity)
            if found is None:
                self._refuse_if_full(connection)
                if self._create(connection, identity, submission, request):
                    self._begin_attempt(connection, identity, submission)
                    return self._read(connection, identity), True
                found = self._locked(connection, identity)
            if found is None:
                raise JobError("the job was removed while it was submitted", "conflict")
            if found.state in ACTIVE:
                self._subscribe(connection, identity, submission.subscriber)
                if found.cancel_requested:
                    self._restart_later(connection, identity)
                return self._read(connection, identity), False
            if found.state == JobState.SUCCESSFUL and not found.expired:
                return self._read(connection, identity), False
            self._refuse_if_full(connection)
            self._renew(connection, identity, submission, request)
            self._begin_attempt(connection, identity, submission)
            return self._read(connection, identity), True

    def dismiss(self, identity: str, tenant: str, subscriber: str = EVERYBODY) -> Job | None:
        """Withdraw a subscription; the last one stops an active job, and an ended job is removed.

        Returns
        -------
        job : Job or None
            The job as it is now, or None once it has been removed with all that belonged to it.
        """
        check_form(identity)

        def withdraw(connection: Connection) -> Job | None:
            found = self._locked(connection, identity)
            if found is None or found.tenant != tenant:
                raise JobError("there is no such job", "missing")
            if found.state not in ACTIVE:
                remove_job(connection, identity)
                return None
            self._unsubscribe(connection, identity, subscriber)
            if not self._subscribed(connection, identity):
                self._stop(connection, found)
            return self._read(connection, identity)

        return self._database.freeing(withdraw)

    def _read(self, connection: Connection, identity: str) -> Job:
        return job_of(connection.execute(select(*PUBLIC).where(jobs.c.id == identity)).one())

    def _locked(self, connection: Connection, identity: str) -> Row[*tuple[Any, ...]] | None:
        return connection.execute(select(*PUBLIC).where(jobs.c.id == identity).with_for_update()).one_or_none()

    def _count_active(self, connection: Connection) -> int:
        query = select(func.count()).select_from(jobs).where(jobs.c.state.in_(ACTIVE))
        return int(connection.execute(query).scalar_one())

    def _refuse_if_full(self, connection: Connection) -> None:
        if self._count_active(connection) >= self._queue_limit:
            raise QueueFull(self._queue_limit)

    def _asked(self, submission: Submission, request: str) -> Mapping[str, Json]:
        return {
            "request": request,
            "seal": None if submission.seal is None else submission.seal.to_text(),
            "state": JobState.ACCEPTED,
            "weight": max(1, submission.weight),
            "time_limit_s": submission.time_limit_s,
            "cost_estimate_s": submission.cost_estimate_s,
            "reason": submission.reason,
        }

    def _create(self, connection: Connection, identity: str, submission: Submission, request: str) -> bool:
        """Insert the row unless another replica was faster; the epoch rises across removals, being a clock."""
        clock = self._database.clock
        row = self._database.insert_if_new(jobs).values(
            id=identity,
            operation=submission.operation,
            tenant=submission.tenant,
            engine_version=self._engine_version,
            attempt=1,
            epoch=int(self._database.now(connection) * 1000),
            cancel_requested=False,
            restart_requested=False,
            expired=False,
            chunks_done=0,
            event_count=0,
            created_at=clock,
            updated_at=clock,
            **self._asked(submission, request),
        )
        return connection.execute(row.returning(jobs.c.id)).first() is not None

    def _renew(self, connection: Connection, identity: str, submission: Submission, request: str) -> None:
        restart_attempt(connection, self._database, identity)
        connection.execute(
            update(jobs)
            .where(jobs.c.id == identity)
            .values(engine_version=self._engine_version, **self._asked(submission, request))
        )

    def _begin_attempt(self, connection: Connection, identity: str, submission: Submission) -> None:
        clock = self._database.clock
        number = select(jobs.c.attempt).where(jobs.c.id == identity).scalar_subquery()
        row = self._database.insert_if_new(attempts)
        connection.execute(row.values(job_id=identity, number=number, state=JobState.ACCEPTED, created_at=clock))
        self._subscribe(connection, identity, submission.subscriber)
        append_event(connection, clock, identity, "state", {"state": JobState.ACCEPTED})

    def _subscribe(self, connection: Connection, identity: str, subscriber: str) -> None:
        row = self._database.insert_if_new(subscriptions)
        connection.execute(row.values(job_id=identity, subscriber=subscriber, created_at=self._database.clock))

    def _unsubscribe(self, connection: Connection, identity: str, subscriber: str) -> None:
        query = delete(subscriptions).where(subscriptions.c.job_id == identity)
        connection.execute(query.where(subscriptions.c.subscriber == subscriber))

    def _subscribed(self, connection: Connection, identity: str) -> bool:
        query = select(subscriptions.c.subscriber).where(subscriptions.c.job_id == identity).limit(1)
        return connection.execute(query).first() is not None

    def _restart_later(self, connection: Connection, identity: str) -> None:
        connection.execute(update(jobs).where(jobs.c.id == identity).values(restart_requested=True))

    def _stop(self, connection: Connection, found: Row[*tuple[Any, ...]]) -> None:
        clock = self._database.clock
        change: dict[str, Any] = {"cancel_requested": True, "restart_requested": False, "updated_at": clock}
        # Nobody computes an unclaimed job, so there is no process to wait for.
        unclaimed = found.state == JobState.ACCEPTED
        if unclaimed:
            change |= {"state": JobState.DISMISSED, "finished_at": clock, "epoch": jobs.c.epoch + 1}
            change["expires_at"] = clock + self._retention_s
        connection.execute(update(jobs).where(jobs.c.id == found.id).values(**change))
        if unclaimed:
            close_attempt(connection, self._database, found.id, found.attempt, state=JobState.DISMISSED)
            append_event(connection, clock, found.id, "state", {"state": JobState.DISMISSED})
        elif not found.cancel_requested:
            append_event(connection, clock, found.id, "cancel_requested", {})
