"""The laws of the store, over SQLite and PostgreSQL."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import event, func, insert, select, text, update

from service.errors import EngineError, JobError, QueueFull
from service.jobs.codec import JSON, encode
from service.jobs.identity import content_hash
from service.jobs.store import migrations
from service.jobs.store.callers import JobStore
from service.jobs.store.database import Database
from service.jobs.store.drivers import DriverStore, LeaseLostError
from service.jobs.store.migrate import migrate
from service.jobs.store.retention import Janitor
from service.jobs.store.tables import attempts, blobs, events, jobs, losses, metadata, steps, subscriptions
from service.jobs.values import ClaimedJob, JobState, Payload, StepKind, StoredStep, Submission
from service.operations.plans.columns import reference
from service.schemas.arrays import StoredColumn
from service.schemas.error_kinds import BY_CODE

TENANT = "anonymous"
VERSION = "1"
ONE = Submission("count", {"chunks": 1})
RESULT = encode({"answer": 42})
Write = Callable[[DriverStore, ClaimedJob], object]


def chunk(index: int, value: object = 0) -> StoredStep:
    return StoredStep(StepKind.WORK, index, encode(value), 0.1)


WRITES: dict[str, Write] = {
    "chunk": lambda store, claim: store.save_steps(claim, [chunk(0)]),
    "progress": lambda store, claim: store.save_progress(claim, 10),
    "event": lambda store, claim: store.count_loss(claim, StepKind.WORK, 0),
    "state": lambda store, claim: store.finish(claim, JobState.SUCCESSFUL, result=RESULT),
}


@pytest.fixture
def store(database: Database) -> JobStore:
    return JobStore(database, VERSION, queue_limit=5)


def driver(database: Database, name: str = "driver", lease_s: float = 30.0, version: str = VERSION) -> DriverStore:
    return DriverStore(database, name, version, lease_s)


def contents(database: Database) -> list[object]:
    tables = (jobs, attempts, subscriptions, steps, losses, events, blobs)
    with database.reading() as connection:
        return [sorted(connection.execute(select(table)).all(), key=repr) for table in tables]


def expire_lease(database: Database, claim: ClaimedJob) -> None:
    with database.writing() as connection:
        past = update(jobs).where(jobs.c.id == claim.job_id).values(lease_expires_at=database.clock - 0.001)
        connection.execute(past)


def finished(store: JobStore, writer: DriverStore, submission: Submission = ONE) -> str:
    job, _ = store.submit(submission)
    (claim,) = writer.claim(1)
    writer.save_steps(claim, [chunk(0)])
    writer.finish(claim, JobState.SUCCESSFUL, result=RESULT)
    return job.id


def to_version(database: Database, version: str, move: Callable[[Config, str], None] = command.upgrade) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.writing() as connection:
        configuration.attributes["connection"] = connection
        move(configuration, version)


def test_migrations_build_the_tables_that_the_code_reads(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    migrate(database)


def test_a_store_of_the_version_before_is_brought_up_to_date(database: Database) -> None:
    to_version(database, "-1", command.downgrade)
    migrate(database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_replicas_may_start_at_once(database_url: str) -> None:
    def start(_: int) -> None:
        replica = Database(database_url)
        migrate(replica)
        replica.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(4)))


def test_a_store_of_a_newer_service_is_refused(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(EngineError, match="newer"):
        migrate(database)


def test_the_clock_is_the_databases(database: Database) -> None:
    with database.reading() as connection:
        first = database.now(connection)
        time.sleep(0.02)
        assert 0.01 < database.now(connection) - first < 5.0


@pytest.mark.parametrize("kind", WRITES)
def test_a_fenced_write_goes_through_while_the_claim_holds(store: JobStore, database: Database, kind: str) -> None:
    store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    before = contents(database)
    WRITES[kind](writer, claim)
    assert contents(database) != before


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize("why", ["lease expired", "other owner", "older epoch", "older attempt", "claimed by another"])
def test_a_write_without_a_valid_claim_changes_nothing(
    store: JobStore, database: Database, kind: str, why: str
) -> None:
    store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    if why in {"lease expired", "claimed by another"}:
        expire_lease(database, claim)
    if why == "claimed by another":
        assert driver(database, "rival").claim(1)[0].epoch > claim.epoch
    stale = {
        "other owner": replace(claim, owner="somebody"),
        "older epoch": replace(claim, epoch=claim.epoch - 1),
        "older attempt": replace(claim, attempt=claim.attempt - 1),
    }.get(why, claim)
    before = contents(database)
    with pytest.raises(LeaseLostError):
        WRITES[kind](writer, stale)
    assert contents(database) == before


def test_renewal_never_revives_an_expired_lease(store: JobStore, database: Database) -> None:
    store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    assert writer.renew([claim]) == set()
    expire_lease(database, claim)
    assert writer.renew([claim]) == {claim.job_id}


def test_a_claimed_job_is_nobody_elses_until_its_lease_expires(store: JobStore, database: Database) -> None:
    store.submit(ONE)
    (first,) = driver(database, lease_s=0.3).claim(5)
    assert driver(database, "rival").claim(5) == []
    time.sleep(0.4)
    (second,) = driver(database, "rival").claim(5)
    assert second.epoch > first.epoch
    assert second.request == {"chunks": 1.0}


def test_rivals_never_claim_the_same_job(database: Database) -> None:
    store = JobStore(database, VERSION)
    for seed in range(20):
        store.submit(Submission("count", {"seed": seed}))
    rivals = [driver(database, f"rival{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        claims = [claim for found in pool.map(lambda rival: rival.claim(10), rivals) for claim in found]
    claims += driver(database, "last").claim(20)
    assert sorted(claim.job_id for claim in claims) == sorted({claim.job_id for claim in claims})
    assert len(claims) == 20


def test_another_engine_version_never_takes_part(store: JobStore, database: Database) -> None:
    store.submit(ONE)
    assert driver(database, version="2").claim(1) == []


def test_a_chunk_is_stored_and_counted_once(store: JobStore, database: Database) -> None:
    job, _ = store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    writer.save_steps(claim, [chunk(0, "first"), chunk(1)])
    writer.save_steps(claim, [chunk(0, "second")])
    found, stored = store.partial(job.id, TENANT)
    assert found.chunks_done == 2
    assert [step.payload for step in stored] == [encode("first"), encode(0)]
    assert [step.index for step in store.partial(job.id, TENANT, after=0)[1]] == [1]
    assert writer.payloads(claim, StepKind.WORK, numbers=(1, 0))[1].payload == encode("first")


def test_planning_steps_are_checkpoints_but_no_chunks(store: JobStore, database: Database) -> None:
    job, _ = store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    writer.save_steps(claim, [StoredStep(StepKind.PLAN, 0, encode([]), 0.0)])
    assert store.get(job.id, TENANT).chunks_done == 0
    assert writer.steps(claim) == [(StepKind.PLAN, 0)]


def test_deaths_are_counted_in_the_store(store: JobStore, database: Database) -> None:
    store.submit(ONE)
    (claim,) = driver(database).claim(1)
    assert [driver(database).count_loss(claim, StepKind.WORK, index) for index in (3, 3, 4, 3)] == [1, 2, 1, 3]


def test_fifty_submissions_at_once_are_one_job(database: Database) -> None:
    store = JobStore(database, VERSION)
    gate = threading.Barrier(10)

    def submit(_: int) -> tuple[str, bool]:
        gate.wait()
        job, started = store.submit(ONE)
        return job.id, started

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(submit, range(50)))
    assert len({identity for identity, _ in answers}) == 1
    assert sum(started for _, started in answers) == 1


def test_a_successful_job_is_a_cached_answer(store: JobStore, database: Database) -> None:
    identity = finished(store, driver(database))
    job, started = store.submit(ONE)
    assert (job.id, started, job.state) == (identity, False, JobState.SUCCESSFUL)
    assert store.result(identity, TENANT)[1] == RESULT


@pytest.mark.parametrize("ending", [JobState.FAILED, JobState.DISMISSED])
def test_after_a_bad_end_the_next_submission_is_a_new_attempt(
    store: JobStore, database: Database, ending: JobState
) -> None:
    first, _ = store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    writer.save_steps(claim, [chunk(0)])
    writer.finish(claim, ending, error={"type": "Any"})
    second, started = store.submit(ONE)
    assert started
    assert (second.id, second.attempt, second.error) == (first.id, 2, None)
    assert second.chunks_done == 0
    (again,) = writer.claim(1)
    assert again.epoch > claim.epoch
    assert writer.steps(again) == []


def test_an_expired_job_answers_410_and_can_be_asked_again(store: JobStore, database: Database) -> None:
    identity = finished(store, driver(database))
    with database.writing() as connection:
        connection.execute(update(jobs).values(expires_at=database.clock - 1.0))
    assert Janitor(database, 100.0).collect() == 1
    with pytest.raises(JobError) as caught:
        store.result(identity, TENANT)
    assert caught.value.reason == "expired"
    with database.reading() as connection:
        for table in (blobs, steps, events):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
    job, started = store.submit(ONE)
    assert (job.attempt, started, job.expired) == (2, True, False)


def test_a_tombstone_is_buried_in_the_end(store: JobStore, database: Database) -> None:
    identity = finished(store, driver(database))
    with database.writing() as connection:
        connection.execute(update(jobs).values(expires_at=database.clock - 500.0))
    assert Janitor(database, 100.0).collect() == 2
    with pytest.raises(JobError) as caught:
        store.get(identity, TENANT)
    assert caught.value.reason == "missing"


def test_a_job_of_an_engine_that_nobody_runs_fails_in_the_end(store: JobStore, database: Database) -> None:
    job, _ = store.submit(ONE)
    janitor = Janitor(database, 100.0, orphaned_after_s=0.0)
    janitor.beat("driver", VERSION, 2, embedded=True)
    assert janitor.collect() == 0
    janitor.leave("driver")
    time.sleep(0.01)
    assert janitor.collect() == 1
    assert store.get(job.id, TENANT).state is JobState.FAILED


def test_drivers_are_counted(database: Database) -> None:
    janitor = Janitor(database, 100.0)
    for name in ("a", "b"):
        janitor.beat(name, VERSION, 2, embedded=True)
    janitor.beat("c", VERSION, 2, embedded=False)
    assert (janitor.neighbours("a"), janitor.others("a")) == (1, 2)


def test_the_last_subscriber_stops_an_unclaimed_job_at_once(store: JobStore) -> None:
    job, _ = store.submit(replace(ONE, subscriber="ann"))
    store.submit(replace(ONE, subscriber="bob"))
    store.submit(replace(ONE, subscriber="bob"))
    kept = store.dismiss(job.id, TENANT, "ann")
    assert kept is not None
    assert (kept.state, kept.cancel_requested) == (JobState.ACCEPTED, False)
    gone = store.dismiss(job.id, TENANT, "bob")
    assert gone is not None
    assert gone.state is JobState.DISMISSED


def test_a_running_job_is_asked_to_stop(store: JobStore, database: Database) -> None:
    job, _ = store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    assert writer.interrupted([claim.owner]) == {}
    stopping = store.dismiss(job.id, TENANT)
    assert stopping is not None
    assert (stopping.state, stopping.cancel_requested) == (JobState.RUNNING, True)
    assert writer.interrupted([claim.owner]) == {job.id: "cancel"}
    writer.finish(claim, JobState.DISMISSED)
    assert store.get(job.id, TENANT).state is JobState.DISMISSED


def test_asking_again_while_a_job_stops_begins_another_attempt(store: JobStore, database: Database) -> None:
    job, _ = store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    store.dismiss(job.id, TENANT)
    again, started = store.submit(ONE)
    assert (again.cancel_requested, started) == (True, False)
    writer.finish(claim, JobState.DISMISSED)
    assert store.get(job.id, TENANT).state is JobState.ACCEPTED
    (next_claim,) = writer.claim(1)
    assert next_claim.attempt == 2


def test_a_time_limit_counts_from_the_first_claim(store: JobStore, database: Database) -> None:
    job, _ = store.submit(replace(ONE, time_limit_s=1.0))
    time.sleep(1.1)
    writer = driver(database)
    (claim,) = writer.claim(1)
    assert writer.interrupted([claim.owner]) == {}
    time.sleep(1.1)
    assert writer.interrupted([claim.owner]) == {job.id: "time_limit"}


def test_removing_an_ended_job_removes_all_of_it(store: JobStore, database: Database) -> None:
    identity = finished(store, driver(database))
    assert store.dismiss(identity, TENANT) is None
    assert all(rows == [] for rows in contents(database))
    with pytest.raises(JobError) as caught:
        store.dismiss(identity, TENANT)
    assert caught.value.reason == "missing"


def test_epochs_rise_across_removal(store: JobStore, database: Database) -> None:
    store.submit(ONE)
    writer = driver(database)
    (old,) = writer.claim(1)
    writer.finish(old, JobState.SUCCESSFUL, result=RESULT)
    store.dismiss(old.job_id, TENANT)
    time.sleep(0.01)
    store.submit(ONE)
    (new,) = writer.claim(1)
    assert new.epoch > old.epoch


def test_a_result_two_jobs_share_survives_one_of_them(store: JobStore, database: Database) -> None:
    writer = driver(database)
    first = finished(store, writer)
    second = finished(store, writer, Submission("count", {"chunks": 2}))
    store.dismiss(first, TENANT)
    assert store.result(second, TENANT)[1] == RESULT


@pytest.mark.parametrize("call", ["get", "result", "dismiss", "partial", "events"])
def test_other_tenants_see_nothing(store: JobStore, call: str) -> None:
    job, _ = store.submit(ONE)
    with pytest.raises(JobError) as caught:
        getattr(store, call)(job.id, "stranger")
    assert caught.value.reason == "missing"
    assert store.list("stranger") == []


def test_no_result_before_the_end(store: JobStore) -> None:
    job, _ = store.submit(ONE)
    with pytest.raises(JobError) as caught:
        store.result(job.id, TENANT)
    assert caught.value.reason == "conflict"


def test_the_queue_has_a_limit_which_known_questions_ignore(store: JobStore) -> None:
    for seed in range(5):
        store.submit(Submission("count", {"seed": seed}))
    with pytest.raises(QueueFull) as caught:
        store.submit(Submission("count", {"seed": 5}))
    assert BY_CODE[caught.value.code].retry_after_s
    assert store.submit(Submission("count", {"seed": 4}))[1] is False


def test_lists_go_page_by_page(database: Database) -> None:
    store = JobStore(database, VERSION)
    made = [store.submit(Submission("count", {"seed": seed}))[0].id for seed in range(7)]
    seen: list[str] = []
    before = None
    while page := store.list(TENANT, before=before, limit=3):
        seen += [job.id for job in page]
        before = (page[-1].created_at, page[-1].id)
    assert sorted(seen) == sorted(made)
    assert store.list(TENANT, state=JobState.RUNNING) == []


def test_events_have_rising_ids_over_all_attempts(store: JobStore, database: Database) -> None:
    job, _ = store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    writer.save_progress(claim, 7)
    writer.finish(claim, JobState.FAILED, error={"type": "Any"})
    store.submit(ONE)
    _, found = store.events(job.id, TENANT)
    assert [event.id for event in found] == list(range(1, len(found) + 1))
    assert [event.name for event in found] == ["state", "state", "progress", "state", "state"]
    assert found[2].data == {"chunks_done": 0, "chunks_total": 7}
    assert store.events(job.id, TENANT, after=found[-2].id)[1] == found[-1:]


def test_a_store_that_is_away_is_an_engine_error(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/no/such/folder/jobs.db", "postgresql://127.0.0.1:1/none"):
        with pytest.raises(EngineError):
            JobStore(Database(url), VERSION).submit(ONE)


def test_a_full_disk_acknowledges_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/jobs.db")

    def shrink(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 80")

    migrate(database)
    database.engine.dispose()
    event.listen(database.engine, "connect", shrink)
    store = JobStore(database, VERSION)
    acknowledged: list[str] = []
    asked = (Submission("count", {"seed": seed, "note": "x" * 500}) for seed in range(1000))
    with pytest.raises(EngineError):
        acknowledged.extend(store.submit(question)[0].id for question in asked)
    assert 0 < len(acknowledged) < 1000
    assert sorted(job.id for job in store.list(TENANT, limit=1000)) == sorted(acknowledged)
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() == len(acknowledged)
    database.close()


def test_a_result_by_reference_is_joined_from_its_chunks(store: JobStore, database: Database) -> None:
    job, _ = store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    parts = [np.arange(50_000.0), np.arange(30_000.0) + 0.5]
    writer.save_steps(claim, [chunk(index, {"loss": part}) for index, part in enumerate(parts)])
    references = [reference(index, digest) for index, digest in writer.hashes(claim, 2)]
    by_reference = encode({"results": {"loss": StoredColumn("loss", references).to_json()}, "rest": [1, 2]})
    writer.finish(claim, JobState.SUCCESSFUL, result=by_reference)
    whole = encode({"results": {"loss": np.concatenate(parts)}, "rest": [1, 2]})
    assert store.result(job.id, TENANT)[1] == whole
    with database.reading() as connection:
        assert len(connection.execute(select(blobs.c.body)).scalar_one()) < 1000
    with database.writing() as connection:
        connection.execute(update(steps).where(steps.c.number == 1).values(body=encode({"loss": parts[0]}).body))
    with pytest.raises(EngineError, match="differs"):
        store.result(job.id, TENANT)


def test_chunks_of_an_older_schema_get_their_hashes(database_url: str) -> None:
    database = Database(database_url)
    to_version(database, "0001")
    with database.writing() as connection:
        key = {"job_id": "a", "attempt": 1, "kind": "work", "number": 0}
        row = {**key, "media_type": JSON, "body": b"[1]", "seconds": 0.0, "epoch": 1, "stored_at": 0.0}
        connection.execute(insert(steps).values(**row))
    migrate(database)
    with database.reading() as connection:
        assert connection.execute(select(steps.c.hash)).scalar_one() == content_hash(b"[1]")
    to_version(database, "0001", command.downgrade)
    migrate(database)
    database.close()


def test_payloads_are_bytes_as_given(store: JobStore, database: Database) -> None:
    job, _ = store.submit(ONE)
    writer = driver(database)
    (claim,) = writer.claim(1)
    payload = Payload("application/x-npz", bytes(range(256)) * 20_000)
    writer.finish(claim, JobState.SUCCESSFUL, result=payload)
    assert store.result(job.id, TENANT)[1] == payload
