"""Bad days: processes are killed or paused for real, and every job still ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # ships no annotations
import pytest
from sqlalchemy import select

from service.errors import EngineError
from service.jobs.config import JobsConfig
from service.jobs.service import JobService
from service.jobs.store.callers import JobStore
from service.jobs.store.database import Database
from service.jobs.store.migrate import migrate
from service.jobs.store.tables import attempts, blobs, events, jobs, losses, steps
from service.jobs.values import Job, JobState, Submission
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings
from service.version import ENGINE_VERSION
from tests.serving import Reply, call, serving
from tests.support.job_operations import OPERATIONS, PLACE, run_question
from tests.support.job_stacks import (
    Cluster,
    Postgres,
    Replica,
    Slowness,
    descendants,
    environment,
    free_port,
    kill_tree,
    new_database,
    runs,
    until,
    worker_processes,
)

TENANT = "anonymous"
LEASE_S = 1.5
ACCEPTED_S = 90.0
"""For as long as this a server may have too much to do."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def database(server: Postgres) -> Iterator[Database]:
    database = Database(new_database(server.uri))
    migrate(database)
    yield database
    database.close()


def config(database: Database, cluster: Cluster | None, **changes: Any) -> JobsConfig:
    url = database.engine.url.render_as_string(hide_password=False)
    address = None if cluster is None else cluster.address
    return JobsConfig(url, scheduler_address=address, workers=2, table=PLACE, lease_s=LEASE_S, **changes)


def store_of(database: Database) -> JobStore:
    return JobStore(database, ENGINE_VERSION)


def ended(store: JobStore, job: Job, seconds: float = 90.0) -> Job:
    until(lambda: store.get(job.id, TENANT).ended, seconds, show=lambda: store.get(job.id, TENANT))
    return store.get(job.id, TENANT)


def undisturbed(request: dict[str, Any]) -> bytes:
    return run_question(OPERATIONS["count"], {**request, "sleep_s": 0.0}).body


def accepted(base: str, body: dict[str, Any]) -> Reply:
    """The answer to a question; a server that has too much to do on a busy machine is asked again, for a while."""
    ends = time.monotonic() + ACCEPTED_S
    while True:
        reply = call(base, "POST", "/v1/minima/batch", body, {"Prefer": "respond-async"})
        if reply.status != 503 or time.monotonic() > ends:
            return reply
        time.sleep(float(reply.headers["retry-after"]))


def rows(database: Database) -> list[Any]:
    with database.reading() as connection:
        tables = (jobs, attempts, steps, losses, events, blobs)
        return [sorted(connection.execute(select(table)).all(), key=repr) for table in tables]


def test_two_servers_compute_fifty_equal_questions_once(database: Database, cluster: Cluster) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    settings = Settings(database_url=url, scheduler_address=cluster.address, workers=2, log_level="error")
    questions = {"problems": [{**DESIGN_EXAMPLE, "data": {**DESIGN_EXAMPLE["data"], "yy": 1.0 + i}} for i in range(64)]}
    with serving(settings) as one, serving(settings) as other, ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(partial(accepted, body=questions), (one, other) * 25))
        assert {reply.status for reply in replies} <= {200, 202}
        (location,) = {reply.headers["location"] for reply in replies}
        until(
            lambda: call(one, "GET", location).json["state"] == "successful",
            show=lambda: call(one, "GET", location).json,
        )
        results = [call(base, "GET", f"{location}/results").content for base in (one, other)]
        assert results[0] == results[1]
        store, job = store_of(database), location.rpartition("/")[2]
        told = [event.data["state"] for event in store.events(job, TENANT)[1] if event.name == "state"]
        assert told == ["accepted", "running", "successful"]

        def counted(name: str) -> float:
            lines = [
                line for base in (one, other) for line in call(base, "GET", "/metrics").content.decode().splitlines()
            ]
            return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))

        assert counted("minima_jobs_accepted_total") == 1
        until(lambda: counted("minima_job_chunks_stored_total") == store.get(job, TENANT).chunks_done == 4)


@pytest.mark.parametrize("kind", ["chunk", "progress", "event", "state"])
def test_a_driver_paused_beyond_its_lease_writes_nothing(kind: str, database: Database, cluster: Cluster) -> None:
    settings = config(database, cluster, max_losses=1)
    command = [sys.executable, "-m", "tests.support.paused_driver", kind]
    paused = subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    assert paused.stdin is not None
    paused.stdin.write(settings.to_json().encode() + b"\n")
    paused.stdin.flush()
    store = store_of(database)
    # Deaths of workers are what drivers report as events of their own.
    operation = "misbehave" if kind == "event" else "count"
    request = {"how": "die"} if kind == "event" else {"chunks": 12, "sleep_s": 0.02, "seed": 60}
    replica = None
    try:
        job, _ = store.submit(Submission(operation, request))
        until(lambda: psutil.Process(paused.pid).status() == psutil.STATUS_STOPPED)
        claimed = store.get(job.id, TENANT)
        replica = Replica(settings)
        final = ended(store, job)
        assert final.state is (JobState.FAILED if kind == "event" else JobState.SUCCESSFUL)
        assert final.epoch > claimed.epoch
        before = rows(database)
        paused.send_signal(signal.SIGCONT)
        time.sleep(1.0)
        assert psutil.Process(paused.pid).status() != psutil.STATUS_STOPPED
        assert rows(database) == before
    finally:
        kill_tree(paused.pid)
        paused.wait()
        paused.stdin.close()
        if replica is not None:
            replica.close()


def held(store: JobStore, note: Path) -> tuple[Job, int]:
    """A job whose chunk holds its worker, and that worker's process, once it runs."""
    job, _ = store.submit(Submission("misbehave", {"how": "hold", "note": str(note), "before": 0}))
    until(lambda: note.exists() and note.read_text(), show=lambda: store.get(job.id, TENANT))
    return job, int(note.read_text())


def test_any_replica_cancels_what_another_drives(database: Database, cluster: Cluster, tmp_path: Path) -> None:
    note = tmp_path / "note"
    replica = Replica(config(database, cluster))
    store = store_of(database)
    try:
        job, pid = held(store, note)
        with Slowness() as slowness:
            began = time.monotonic()
            # This process is the other replica: it shares nothing with the driver but the database.
            stopping = store.dismiss(job.id, TENANT)
            assert stopping is not None
            assert (stopping.state, stopping.cancel_requested) == (JobState.RUNNING, True)
            until(lambda: not runs(pid))
            assert ended(store, job).state is JobState.DISMISSED
            taken = time.monotonic() - began
        assert taken < 2.0 * slowness.factor
    finally:
        replica.close()


def test_what_a_dead_driver_left_running_is_stopped_by_the_next(
    database: Database, cluster: Cluster, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    replica = Replica(config(database, cluster))
    store = store_of(database)
    try:
        job, pid = held(store, note)
        replica.driver.kill()
        store.dismiss(job.id, TENANT)
        until(lambda: not runs(pid))
        assert ended(store, job).state is JobState.DISMISSED
    finally:
        replica.close()


def test_a_frozen_driver_is_replaced(database: Database, cluster: Cluster) -> None:
    replica = Replica(config(database, cluster, stuck_after_s=3.0))
    store = store_of(database)
    try:
        job, _ = store.submit(Submission("count", {"chunks": 40, "sleep_s": 0.05, "seed": 70}))
        until(lambda: store.get(job.id, TENANT).chunks_done > 0)
        frozen = replica.driver
        frozen.suspend()
        assert ended(store, job).state is JobState.SUCCESSFUL
        assert not psutil.pid_exists(frozen.pid)
    finally:
        replica.close()


def test_a_pool_whose_workers_do_not_come_back_gets_a_new_driver(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/jobs.db")
    migrate(database)
    replica = Replica(config(database, None, pool_short_after_s=3.0))
    store = store_of(database)
    request = {"chunks": 40, "sleep_s": 0.05, "seed": 75}
    try:
        job, _ = store.submit(Submission("count", request))
        until(lambda: store.get(job.id, TENANT).chunks_done > 0)
        driver, workers = replica.driver, worker_processes(replica.process.pid)
        # No worker can be started any more, and whoever waits for one waits for ever.
        fork_server = workers[0].parent()
        fork_server.suspend()
        for worker in workers:
            worker.kill()
        assert ended(store, job).state is JobState.SUCCESSFUL
        assert store.result(job.id, TENANT)[1].body == undisturbed(request)
        assert replica.driver.pid != driver.pid
        until(lambda: not any(_lives(process) for process in (driver, fork_server, *workers)))
    finally:
        replica.close()
        database.close()


def test_a_silent_scheduler_is_left_and_its_successor_found(database: Database, cluster: Cluster) -> None:
    service = JobService(config(database, cluster, scheduler_silent_after_s=1.0))
    service.start()
    request = {"chunks": 40, "sleep_s": 0.05, "seed": 76}
    try:
        job, _ = service.submit(Submission("count", request))
        until(lambda: service.store.get(job.id, TENANT).chunks_done > 0, show=service.pool)
        cluster.scheduler.send_signal(signal.SIGSTOP)
        until(lambda: service.pool().alive == 0, show=service.pool)
        assert service.driver_alive
        cluster.replace_scheduler()
        assert ended(service.store, job).state is JobState.SUCCESSFUL
        assert service.store.result(job.id, TENANT)[1].body == undisturbed(request)
    finally:
        service.stop()


def test_a_database_that_was_away_is_used_again_without_a_restart(
    server: Postgres, database: Database, cluster: Cluster
) -> None:
    replica = Replica(config(database, cluster))
    store = store_of(database)
    request = {"chunks": 60, "sleep_s": 0.05, "seed": 80}
    try:
        job, _ = store.submit(Submission("count", request))
        until(lambda: store.get(job.id, TENANT).chunks_done > 5)
        driver = replica.driver.pid
        server.stop()
        with pytest.raises(EngineError):
            store.submit(Submission("count", {"chunks": 1, "seed": 81}))
        time.sleep(LEASE_S + 0.5)
        server.start()
        final = ended(store, job)
        assert (final.state, final.chunks_done) == (JobState.SUCCESSFUL, 60)
        assert store.result(job.id, TENANT)[1].body == undisturbed(request)
        assert len(store.list(TENANT)) == 1
        assert replica.driver.pid == driver
    finally:
        replica.close()
        server.start()


def test_replicas_with_pools_of_their_own_share_the_cores(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/jobs.db")
    migrate(database)
    replicas = [Replica(config(database, None, beat_s=1.0)) for _ in range(2)]
    try:
        until(lambda: [len(worker_processes(replica.process.pid)) for replica in replicas] == [1, 1])
        replicas.pop().close()
        store = store_of(database)
        job, _ = store.submit(Submission("count", {"chunks": 20, "sleep_s": 0.05, "seed": 90}))
        assert ended(store, job).state is JobState.SUCCESSFUL
        until(lambda: len(worker_processes(replicas[0].process.pid)) == 2)
    finally:
        for replica in replicas:
            replica.close()
        database.close()


def test_killed_servers_leave_no_process_behind(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/jobs.db")
    migrate(database)
    replica = Replica(config(database, None))
    store = store_of(database)
    note = tmp_path / "note"
    held(store, note)
    family = psutil.Process(replica.process.pid).children(recursive=True)
    replica.kill()
    database.close()
    until(lambda: not any(_lives(process) for process in family))


def _driver_starts(pid: int, _base: str) -> object:
    return descendants(pid)


def _workers_start(pid: int, _base: str) -> object:
    return worker_processes(pid)


def _driver_turns(_pid: int, base: str) -> object:
    try:
        return call(base, "GET", "/readyz").json["driver"]
    except ConnectionRefusedError:
        return None


@pytest.mark.parametrize("moment", [_driver_starts, _workers_start, _driver_turns])
def test_a_server_that_is_stopped_while_its_pool_opens_ends_at_once(
    moment: Callable[[int, str], object], tmp_path: Path
) -> None:
    port = free_port()
    command = [str(Path(sys.executable).parent / "minima"), "serve", "--port", str(port)]
    variables = {**os.environ, "MINIMA_WORKERS": "2", "MINIMA_DATABASE_URL": f"sqlite:///{tmp_path}/jobs.db"}
    with subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL) as server:
        try:
            until(lambda: moment(server.pid, f"http://127.0.0.1:{port}"), every=0.005)
            family = descendants(server.pid)
            with Slowness() as slowness:
                began = time.monotonic()
                server.terminate()
                server.wait(90)
                taken = time.monotonic() - began
            assert taken < 4.5 * slowness.factor
            until(lambda: not any(_lives(process) for process in family))
        finally:
            kill_tree(server.pid)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
