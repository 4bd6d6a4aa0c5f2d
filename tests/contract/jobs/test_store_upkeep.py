"""The store over months: retention keeps up, the file is its owner's alone, and a full disk can be freed."""

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, insert, select, text, update
from sqlalchemy.engine import make_url

from service.errors import EngineError
from service.jobs.config import JobsConfig
from service.jobs.service import JobService
from service.jobs.store.callers import JobStore
from service.jobs.store.database import FULL, Database
from service.jobs.store.drivers import DriverStore
from service.jobs.store.file import RESERVE_BYTES
from service.jobs.store.migrate import migrate
from service.jobs.store.retention import Janitor
from service.jobs.store.tables import blobs, events, jobs, steps
from service.jobs.values import JobState, Payload, Submission
from service.settings import Settings
from tests.serving import call, serving

TENANT = "anonymous"
VERSION = "1"
A_MINUTE_AT_100_A_SECOND = 6_000


def ended(number: int, expires_at: float) -> dict[str, object]:
    """A row of a job that ended, as drivers leave it."""
    return {
        "id": f"{number:032x}",
        "operation": "count",
        "request": "{}",
        "tenant": TENANT,
        "engine_version": VERSION,
        "state": JobState.SUCCESSFUL,
        "attempt": 1,
        "epoch": 1,
        "weight": 1,
        "time_limit_s": 1.0,
        "cost_estimate_s": 0.0,
        "reason": "",
        "created_at": 0.0,
        "updated_at": 0.0,
        "expires_at": expires_at,
        "result_hash": f"sha256:{number}",
    }


def fill(database: Database, count: int) -> None:
    """Store so many jobs whose time is over, each with a chunk, events and a result, and one whose time is not."""
    with database.writing() as connection:
        now = database.now(connection)
        connection.execute(insert(jobs), [ended(number, now - 1.0) for number in range(count)])
        connection.execute(insert(jobs).values(**ended(count, now + 1000.0)))
        common = {"attempt": 1, "kind": "work", "media_type": "x", "body": b"1", "seconds": 0.0, "epoch": 1}
        every = [f"{number:032x}" for number in range(count + 1)]
        connection.execute(insert(steps), [{"job_id": job, "number": 0, "stored_at": 0.0, **common} for job in every])
        for number in range(3):
            rows = [{"job_id": job, "number": number, "name": "state", "data": "{}", "at": 0.0} for job in every]
            connection.execute(insert(events), rows)
        kept = [{"hash": f"sha256:{n}", "media_type": "x", "body": b"1", "created_at": 0.0} for n in range(count + 1)]
        connection.execute(insert(blobs), kept)


def counted(database: Database) -> list[int]:
    with database.reading() as connection:
        tables = (steps, events, blobs)
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def test_retention_keeps_up_with_a_hundred_jobs_a_second(database: Database) -> None:
    fill(database, A_MINUTE_AT_100_A_SECOND)
    janitor = Janitor(database, 100.0)
    began = time.thread_time()
    assert janitor.collect() == A_MINUTE_AT_100_A_SECOND
    # Its own share of a core; the rest is pauses that it makes for others.
    assert time.thread_time() - began < 30.0
    assert counted(database) == [1, 3, 1]
    assert janitor.collect() == 0
    with database.writing() as connection:
        connection.execute(update(jobs).values(expires_at=jobs.c.expires_at - 1000.0))
    # The jobs' tombstones are due now, and so is the last job.
    assert janitor.collect() == A_MINUTE_AT_100_A_SECOND + 1
    assert counted(database) == [0, 0, 0]


def test_the_queries_of_retention_read_no_job_that_is_not_due(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/jobs.db")
    migrate(database)
    with database.reading() as connection:
        for where in ("expired = 0 AND expires_at < 5 AND state NOT IN ('running')", "result_hash = 'x'"):
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE {where}")).all()
            assert "USING INDEX" in str(plan) or "USING COVERING INDEX" in str(plan), plan
    database.close()


@pytest.mark.parametrize("before", ["new", "open to all"])
def test_the_file_is_its_owners_alone(before: str, tmp_path: Path) -> None:
    file = tmp_path / "folder" / "jobs.db"
    mask = os.umask(0)
    try:
        if before == "open to all":
            file.parent.mkdir(mode=0o777)
            file.touch(0o666)
        database = Database(f"sqlite:///{file}", prepare=migrate)
        JobStore(database, VERSION).submit(Submission("count", {}))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
        database.close()
    finally:
        os.umask(mask)
    assert {"jobs.db", "jobs.db-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}


def write_for_ever(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(65536))


def submit_for_ever(store: JobStore) -> None:
    for number in count():
        store.submit(Submission("count", {"fills": [number] * 20_000}))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 40 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_said_and_deleting_frees_it(small_disk: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{small_disk}/jobs.db", workers=0, log_level="error")
    with serving(settings) as base:
        store = Database(settings.database_url, prepare=migrate)
        job, _ = JobStore(store, "x").submit(Submission("count", {}))
        large = Payload("application/octet-stream", os.urandom(8 * 2**20))
        (claim,) = DriverStore(store, "driver", "x").claim(1)
        DriverStore(store, "driver", "x").finish(claim, JobState.SUCCESSFUL, result=large)
        assert (small_disk / "jobs.db-reserve").stat().st_size == RESERVE_BYTES
        with pytest.raises(OSError, match="No space"):
            write_for_ever(small_disk / "ballast")
        ready = call(base, "GET", "/readyz")
        assert (ready.status, ready.json["store"], ready.json["reasons"]["store"]) == (200, False, FULL)
        with pytest.raises(EngineError, match="is full: delete"):
            submit_for_ever(JobStore(store, "x"))
        assert call(base, "DELETE", f"/v1/jobs/{job.id}").status == 204
        assert not (small_disk / "jobs.db-reserve").exists()
        again, _ = JobStore(store, "x").submit(Submission("count", {"after": [7] * 20_000}))
        assert again.state is JobState.ACCEPTED
        (small_disk / "ballast").unlink()
        Janitor(store, 100.0).collect()
        assert (small_disk / "jobs.db-reserve").stat().st_size == RESERVE_BYTES
        assert call(base, "GET", "/readyz").json["store"] is True
        store.close()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "jobs.db"
    with serving(Settings(database_url=f"sqlite:///{place}", workers=0, log_level="error")) as base:
        refused = call(base, "GET", "/v1/jobs")
        assert refused.status == 503
        assert str(place) in refused.json["detail"]
        assert "MINIMA_DATABASE_URL" in refused.json["detail"]
        assert str(place) in call(base, "GET", "/readyz").json["reasons"]["store"]


def test_a_database_without_an_encoding_is_refused_in_one_sentence(postgres_uri: str) -> None:
    url = make_url(postgres_uri).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(
            text("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        )
    engine.dispose()
    service = JobService(JobsConfig(make_url(postgres_uri).set(database="ascii").render_as_string(False)), drive=False)
    trouble = service.store_trouble()
    service.stop()
    assert trouble == "the job store is a database in SQL_ASCII; create it with ENCODING 'UTF8' TEMPLATE template0"
