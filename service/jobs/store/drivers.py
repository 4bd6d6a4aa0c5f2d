"""What drivers may do to the store: every write is fenced by owner, epoch and an unexpired lease."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update

from service.jobs.identity import content_hash
from service.jobs.store.changes import close_attempt, insert_blob, restart_attempt
from service.jobs.store.database import Database
from service.jobs.store.rows import append_event, claim_of
from service.jobs.store.tables import attempts, jobs, losses, steps
from service.jobs.values import ACTIVE, ClaimedJob, JobState, Json, Payload, StepKind, StoredStep


class LeaseLostError(Exception):
    """A fenced write matched no row: this driver no longer owns the job and must stop driving it."""


class DriverStore:
    """The drivers' side of the store.

    Parameters
    ----------
    database : Database
        Where the truth lives; its clock alone decides whether a lease has expired.
    driver_id : str
        Unique for each driver process that ever was.
    engine_version : str
        Only jobs of this version are claimed.
    lease_s, retention_s : float
        How long a claim lasts without renewal, and how long an ended job is kept.
    """

    def __init__(
        self,
        database: Database,
        driver_id: str,
        engine_version: str,
        lease_s: float = 5.0,
        retention_s: float = 604800.0,
    ) -> None:
        self._database: Final = database
        self._driver_id: Final = driver_id
        self._engine_version: Final = engine_version
        self._lease_s: Final = lease_s
        self._retention_s: Final = retention_s
        self._claims = 0

    def claim(self, limit: int) -> list[ClaimedJob]:
        """Take up to ``limit`` jobs that nobody drives, oldest first."""
        if limit <= 0 or not self._anything_claimable():
            return []
        with self._database.writing() as connection:
            query = select(jobs.c.id).where(self._claimable()).order_by(jobs.c.created_at, jobs.c.id).limit(limit)
            found = connection.execute(query.with_for_update(skip_locked=True)).scalars().all()
            return [self._take(connection, identity) for identity in found]

    def renew(self, claims: Sequence[ClaimedJob]) -> set[str]:
        """Prolong the leases that have not expired; return the jobs whose claim no longer holds."""
        lost = set()
        with self._database.writing() as connection:
            for claim in claims:
                try:
                    self._fence(connection, claim, lease_expires_at=self._database.clock + self._lease_s)
                except LeaseLostError:
                    lost.add(claim.job_id)
        return lost

    def steps(self, claim: ClaimedJob) -> list[tuple[StepKind, int]]:
        """List the checkpoints of this attempt."""
        query = select(steps.c.kind, steps.c.number).where(*self._of(claim))
        with self._database.reading() as connection:
            return [(StepKind(row.kind), row.number) for row in connection.execute(query)]

    def payloads(
        self, claim: ClaimedJob, kind: StepKind, first: int = 0, numbers: Sequence[int] | None = None
    ) -> list[StoredStep]:
        """Read stored results in index order: all from ``first`` on, or the given ones in the given order."""
        query = select(steps).where(*self._of(claim), steps.c.kind == kind, steps.c.number >= first)
        if numbers is not None:
            query = query.where(steps.c.number.in_(numbers))
        with self._database.reading() as connection:
            found = [
                StoredStep(kind, row.number, Payload(row.media_type, row.body), row.seconds)
                for row in connection.execute(query.order_by(steps.c.number))
            ]
        if numbers is None:
            return found
        by_number = {step.index: step for step in found}
        return [by_number[number] for number in numbers]

    def hashes(self, claim: ClaimedJob, count: int) -> list[tuple[int, str]]:
        """Read indices and hashes of the first ``count`` chunks, in index order."""
        query = select(steps.c.number, steps.c.hash).where(*self._of(claim), steps.c.kind == StepKind.WORK)
        with self._database.reading() as connection:
            found = connection.execute(query.where(steps.c.number < count).order_by(steps.c.number))
            return [(row.number, row.hash) for row in found]

    def save_steps(self, claim: ClaimedJob, results: Sequence[StoredStep]) -> int:
        """Store checkpoints, count the new chunks and return how many there were, all or nothing.

        A step that is stored already stays as it is and is not counted again.
        """
        with self._database.writing() as connection:
            self._fence(connection, claim)
            new = sum(self._insert_step(connection, claim, step) for step in results)
            if new:
                done = update(jobs).where(jobs.c.id == claim.job_id)
                connection.execute(done.values(chunks_done=jobs.c.chunks_done + new))
        return new

    def save_progress(self, claim: ClaimedJob, total: int | None) -> None:
        """Store how many chunks are known and tell the subscribers how many are done."""
        with self._database.writing() as connection:
            self._fence(connection, claim, chunks_total=total)
            done = connection.execute(select(jobs.c.chunks_done).where(jobs.c.id == claim.job_id)).scalar_one()
            data = {"chunks_done": done, "chunks_total": total}
            append_event(connection, self._database.clock, claim.job_id, "progress", data)

    def count_loss(self, claim: ClaimedJob, kind: StepKind, index: int) -> int:
        """Count one more worker that died under a step; the only place where such deaths are counted."""
        with self._database.writing() as connection:
            self._fence(connection, claim)
            key = {"job_id": claim.job_id, "attempt": claim.attempt, "kind": kind, "number": index}
            row = self._database.insert(losses).values(**key, count=1)
            row = row.on_conflict_do_update(
                index_elements=list(losses.primary_key.columns), set_={"count": losses.c.count + 1}
            )
            count = int(connection.execute(row.returning(losses.c.count)).scalar_one())
            data = {"step": kind, "index": index, "times": count}
            append_event(connection, self._database.clock, claim.job_id, "worker_lost", data)
            return count

    def finish(
        self,
        claim: ClaimedJob,
        state: JobState,
        *,
        result: Payload | None = None,
        error: Mapping[str, Json] | None = None,
    ) -> None:
        """End the attempt, or begin the next one if somebody asked again while this one was being stopped."""
        clock = self._database.clock
        text = None if error is None else json.dumps(error)
        change: dict[str, Any] = {"state": state, "error": text, "finished_at": clock, "owner": None}
        change |= {"lease_expires_at": None, "expires_at": clock + self._retention_s}
        with self._database.writing() as connection:
            if result is not None:
                change["result_hash"] = content_hash(result.body)
            self._fence(connection, claim, **change)
            if result is not None:
                insert_blob(connection, self._database, change["result_hash"], result)
            close_attempt(connection, self._database, claim.job_id, claim.attempt, state=state, error=text)
            data = {"state": state} if error is None else {"state": state, "error": dict(error)}
            append_event(connection, clock, claim.job_id, "state", data)
            if state is JobState.DISMISSED and self._wants_restart(connection, claim):
                self._restart(connection, claim)

    def interrupted(self, owners: Sequence[str]) -> dict[str, str]:
        """Tell which of the claims held by these owners must stop, and why: job id to ``cancel`` or ``time_limit``."""
        if not owners:
            return {}
        overdue = jobs.c.deadline_at < self._database.clock
        query = select(jobs.c.id, jobs.c.cancel_requested)
        query = query.where(jobs.c.owner.in_(owners), or_(jobs.c.cancel_requested, overdue))
        with self._database.reading() as connection:
            found = connection.execute(query).all()
            return {row.id: "cancel" if row.cancel_requested else "time_limit" for row in found}

    def _claimable(self) -> ColumnElement[bool]:
        free = or_(jobs.c.owner.is_(None), jobs.c.lease_expires_at < self._database.clock)
        return and_(jobs.c.state.in_(ACTIVE), jobs.c.engine_version == self._engine_version, free)

    def _anything_claimable(self) -> bool:
        # A read first, because an idle driver that writes would keep the disk busy.
        with self._database.reading() as connection:
            return connection.execute(select(jobs.c.id).where(self._claimable()).limit(1)).first() is not None

    def _take(self, connection: Connection, identity: str) -> ClaimedJob:
        clock = self._database.clock
        self._claims += 1
        taken = (
            update(jobs)
            .where(jobs.c.id == identity, self._claimable())
            .values(
                state=JobState.RUNNING,
                owner=f"{self._driver_id}.{self._claims}",
                epoch=jobs.c.epoch + 1,
                lease_expires_at=clock + self._lease_s,
                started_at=func.coalesce(jobs.c.started_at, clock),
                deadline_at=func.coalesce(jobs.c.deadline_at, clock + jobs.c.time_limit_s),
                updated_at=clock,
            )
        )
        claim = claim_of(connection.execute(taken.returning(jobs)).one())
        data = {"state": JobState.RUNNING, "attempt": claim.attempt, "epoch": claim.epoch}
        append_event(connection, clock, identity, "state", data)
        return claim

    def _fence(self, connection: Connection, claim: ClaimedJob, **change: Any) -> None:
        """Change the job's row if this claim still holds; the row stays locked until the transaction ends."""
        fenced = (
            update(jobs)
            .where(jobs.c.id == claim.job_id, jobs.c.owner == claim.owner, jobs.c.epoch == claim.epoch)
            .where(jobs.c.attempt == claim.attempt, jobs.c.state == JobState.RUNNING)
            .where(jobs.c.lease_expires_at > self._database.clock)
            .values(**({"updated_at": self._database.clock} | change))
        )
        if connection.execute(fenced).rowcount != 1:
            raise LeaseLostError(claim.job_id)

    def _insert_step(self, connection: Connection, claim: ClaimedJob, step: StoredStep) -> int:
        row = self._database.insert_if_new(steps).values(
            job_id=claim.job_id,
            attempt=claim.attempt,
            kind=step.kind,
            number=step.index,
            media_type=step.payload.media_type,
            body=step.payload.body,
            hash=content_hash(step.payload.body),
            seconds=step.seconds,
            epoch=claim.epoch,
            stored_at=self._database.clock,
        )
        new = connection.execute(row.returning(steps.c.number)).first() is not None
        return int(new and step.kind is StepKind.WORK)

    def _of(self, claim: ClaimedJob) -> tuple[ColumnElement[bool], ...]:
        return (steps.c.job_id == claim.job_id, steps.c.attempt == claim.attempt)

    def _wants_restart(self, connection: Connection, claim: ClaimedJob) -> bool:
        query = select(jobs.c.restart_requested).where(jobs.c.id == claim.job_id)
        return bool(connection.execute(query).scalar_one())

    def _restart(self, connection: Connection, claim: ClaimedJob) -> None:
        clock = self._database.clock
        restart_attempt(connection, self._database, claim.job_id)
        row = {"job_id": claim.job_id, "number": claim.attempt + 1, "state": JobState.ACCEPTED}
        connection.execute(insert(attempts).values(**row, created_at=clock))
        append_event(connection, clock, claim.job_id, "state", {"state": JobState.ACCEPTED})
