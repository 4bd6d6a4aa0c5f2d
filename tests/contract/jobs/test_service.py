"""The laws of the whole floor, over {SQLite, PostgreSQL} x {embedded pool, TCP scheduler}."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]  # ships no annotations
import pytest
from distributed import Client

from service.errors import InputError, LimitExceeded
from service.jobs.codec import decode
from service.jobs.config import JobsConfig
from service.jobs.seal import seal_of
from service.jobs.service import JobService
from service.jobs.values import Job, JobState, Submission
from service.version import ENGINE_VERSION
from service.web.answering.process import OwnProcess
from tests.support.giving_way import beside
from tests.support.job_operations import OPERATIONS, PLACE, run_question
from tests.support.job_stacks import Cluster, Slowness, new_database, runs, until, until_found, worker_processes

TENANT = "anonymous"
MEMORY = 600_000_000


@dataclass
class Stack:
    service: JobService
    cluster: Cluster | None
    folder: Path

    def submit(self, operation: str, seconds: float = 3600.0, **request: Any) -> Job:
        job, _ = self.service.submit(Submission(operation, request, time_limit_s=seconds))
        return job

    def ended(self, job: Job, seconds: float = 90.0) -> Job:
        found = self.service.wait(job.id, TENANT, seconds)
        assert found.ended, found
        return found

    def stored(self, job: Job, chunks: int) -> None:
        """Wait until so many chunks of a job are stored."""
        until(lambda: self.found(job).chunks_done >= chunks, show=lambda: self.found(job))

    def found(self, job: Job) -> Job:
        return self.service.store.get(job.id, TENANT)

    def answer(self, operation: str, **request: Any) -> Any:
        job = self.ended(self.submit(operation, **request))
        assert job.state is JobState.SUCCESSFUL, job
        return decode(self.service.store.result(job.id, TENANT)[1])

    def workers(self) -> list[psutil.Process]:
        root = self.cluster.workers.pid if self.cluster is not None else self.service.driver_pid()
        return [] if root is None else worker_processes(root)

    def begun(self, name: str, operation: str, how: str) -> tuple[Job, int]:
        """Submit a job whose last chunk misbehaves, and return it with that chunk's process once it runs."""
        note = self.folder / name
        job = self.submit(operation, how=how, note=str(note), before=1)
        until(lambda: note.exists() and note.read_text(), show=lambda: (self.service.pool(), self.found(job)))
        return job, int(note.read_text())


@pytest.fixture(scope="module", params=["sqlite-embedded", "postgresql-embedded", "sqlite-tcp", "postgresql-tcp"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    kind, _, pool = request.param.partition("-")
    url = f"sqlite:///{folder}/jobs.db" if kind == "sqlite" else new_database(request.getfixturevalue("postgres_uri"))
    cluster = Cluster(memory=MEMORY) if pool == "tcp" else None
    service = JobService(
        JobsConfig(
            url,
            scheduler_address=cluster.address if cluster else None,
            workers=2,
            worker_memory=MEMORY,
            table=PLACE,
            lease_s=10.0,
            max_losses=1,
        )
    )
    service.start()
    try:
        yield Stack(service, cluster, folder)
    finally:
        service.stop()
        if cluster is not None:
            cluster.close()


def test_a_job_gives_the_bits_of_the_same_plan_in_one_process(stack: Stack) -> None:
    request = {"chunks": 40, "seed": 3}
    expected = decode(run_question(OPERATIONS["count"], request))
    found = stack.answer("count", **request)
    assert found["order"] == expected["order"]
    assert found["total"] == expected["total"]
    assert found["samples"].tobytes() == np.asarray(expected["samples"]).tobytes()


def test_a_job_whose_plan_is_not_the_priced_one_fails_and_says_so(stack: Stack) -> None:
    question = Submission("count", {"chunks": 3, "seed": 91})
    other = seal_of(stack.service.plan("count", {"chunks": 4, "seed": 91}))
    job, _ = stack.service.store.submit(replace(question, seal=other))
    ended = stack.ended(job)
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert ended.error["type"] == "PlanChanged"
    assert f"engine {ENGINE_VERSION}" in ended.error["detail"]
    assert "4 chunks were priced, and 3 would run" in ended.error["detail"]
    assert ended.chunks_done == 0
    # submitted again it is priced again, and runs
    assert stack.answer("count", chunks=3, seed=91)["order"] == [0, 1, 2]


def test_an_adaptive_job_plans_as_results_arrive(stack: Stack) -> None:
    found = stack.answer("adaptive")
    assert abs(found["root"] - 2**0.5) < 1e-14
    assert found["chunks"] == 5


def test_arrays_travel_once_to_each_worker(stack: Stack) -> None:
    # The pool's library looks every two seconds for copies that no call needs at that moment.
    found = stack.answer("shared", rows=12, sleep_s=0.05, pause_s=2.2)
    assert np.array_equal(found["rows"], np.tile(np.arange(12_000.0).reshape(12, 1000), (2, 1)))
    assert found["copies"] == found["pids"] <= 2


def test_arrays_that_waited_on_a_killed_worker_are_sent_again(stack: Stack) -> None:
    until(lambda: len(stack.workers()) == 2)
    blockers = [stack.begun(f"block-{number}", "misbehave", "spin")[0] for number in range(2)]
    job = stack.submit("shared", rows=3)
    until(lambda: stack.found(job).state is JobState.RUNNING, show=lambda: stack.found(job))
    # Nothing tells from outside that a call has reached the worker where it waits.
    time.sleep(0.3)
    for blocker in blockers:
        stack.service.store.dismiss(blocker.id, TENANT)
    assert stack.ended(job).state is JobState.SUCCESSFUL
    assert {stack.ended(blocker).state for blocker in blockers} == {JobState.DISMISSED}


def test_workers_use_one_thread(stack: Stack) -> None:
    assert stack.answer("threads") == 1


def test_workers_give_way_to_the_processes_that_answer(stack: Stack) -> None:
    until(lambda: len(stack.workers()) == 2)
    job, pid = stack.begun("busy", "misbehave", "spin")
    answering = OwnProcess(capacity=1)
    try:
        answer, worker = asyncio.run(answering.run(60.0, beside, pid, 0.6))
    finally:
        answering.close()
        stack.service.store.dismiss(job.id, TENANT)
    assert stack.ended(job).state is JobState.DISMISSED
    # three to one, as niceness counts
    assert worker < 0.6 * answer


def test_progress_and_partial_results_can_be_read_while_a_job_runs(stack: Stack) -> None:
    job = stack.submit("count", chunks=60, sleep_s=0.05, seed=11)
    stack.stored(job, 4)
    running, some = stack.service.store.partial(job.id, TENANT)
    assert running.state is JobState.RUNNING
    assert len(some) >= 4
    assert decode(some[0].payload)["index"] == some[0].index
    ended = stack.ended(job)
    assert (ended.chunks_done, ended.chunks_total) == (60, 60)
    _, told = stack.service.store.events(job.id, TENANT)
    done = [event.data["chunks_done"] for event in told if event.name == "progress"]
    assert done == sorted(done)
    assert done[-1] == 60
    assert len(done) >= 4


@pytest.mark.parametrize(("how", "kind"), [("raise", "ValueError"), ("nan", "NotFiniteError"), ("die", "WorkerLost")])
def test_a_bad_chunk_fails_its_job_and_names_itself(stack: Stack, how: str, kind: str) -> None:
    neighbour = stack.submit("count", chunks=10, sleep_s=0.05, seed=len(how) + 100)
    job = stack.ended(stack.submit("misbehave", how=how, before=2))
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error["type"], job.error["chunk"], job.error["step"]) == (kind, 2, "work")
    assert stack.ended(neighbour).state is JobState.SUCCESSFUL


def test_a_chunk_that_exhausts_memory_fails_its_job_alone(stack: Stack) -> None:
    neighbour = stack.submit("count", chunks=10, sleep_s=0.05, seed=200)
    job = stack.ended(stack.submit("misbehave", how="memory", before=1))
    assert job.error is not None
    assert (job.state, job.error["type"], job.error["chunk"]) == (JobState.FAILED, "WorkerLost", 1)
    assert stack.ended(neighbour).state is JobState.SUCCESSFUL


def test_a_chunk_that_never_ends_fails_its_job(stack: Stack) -> None:
    job, pid = stack.begun("endless", "endless", "hold")
    ended = stack.ended(job)
    assert ended.error is not None
    assert (ended.state, ended.error["type"], ended.error["chunk"]) == (JobState.FAILED, "ChunkLimit", 1)
    assert not runs(pid)


def test_a_time_limit_stops_a_chunk_that_holds_the_interpreter(stack: Stack) -> None:
    with Slowness() as slowness:
        began = time.monotonic()
        job = stack.ended(stack.submit("misbehave", seconds=1.0, how="spin", before=0))
        taken = time.monotonic() - began
    assert job.error is not None
    assert (job.state, job.error["type"]) == (JobState.FAILED, "TimeLimit")
    assert taken < 8.0 * slowness.factor


def test_a_time_limit_ends_a_plan_that_has_an_answer_at_any_time_with_that_answer(stack: Stack) -> None:
    request = {"how": "spin", "before": 2, "anytime": True}
    job = stack.ended(stack.submit("misbehave", seconds=2.0, **request))
    assert (job.state, job.error) == (JobState.SUCCESSFUL, None)
    # on a busy machine the second chunk may be too late
    assert decode(stack.service.store.result(job.id, TENANT)[1]) == list(range(job.chunks_done))
    assert 1 <= job.chunks_done <= 2


@pytest.mark.parametrize("how", ["sleep", "spin", "hold"])
def test_cancelling_frees_the_core_and_harms_nobody(stack: Stack, how: str) -> None:
    until(lambda: len(stack.workers()) == 2)
    job, pid = stack.begun(f"cancel-{how}", "misbehave", how)
    neighbour = stack.submit("count", chunks=14, sleep_s=0.1, seed=300 + len(how))
    stack.stored(neighbour, 1)
    with Slowness() as slowness:
        began = time.monotonic()
        stack.service.store.dismiss(job.id, TENANT)
        until(lambda: not runs(pid), show=lambda: stack.found(job))
        assert stack.ended(job).state is JobState.DISMISSED
        taken = time.monotonic() - began
    assert taken < 2.0 * slowness.factor
    assert stack.ended(neighbour).state is JobState.SUCCESSFUL
    _, told = stack.service.store.events(neighbour.id, TENANT)
    assert [event.name for event in told if event.name == "worker_lost"] == []


def test_a_small_job_behind_a_large_one_ends_within_four_chunk_times(stack: Stack) -> None:
    until(lambda: len(stack.workers()) == 2)
    chunk_s = 0.4
    large = stack.submit("count", chunks=10_000, sleep_s=chunk_s, seed=400)
    stack.stored(large, 2)
    with Slowness() as slowness:
        small = stack.ended(stack.submit("count", chunks=2, sleep_s=chunk_s, seed=401))
    assert small.finished_at is not None
    taken = small.finished_at - small.created_at
    stack.service.store.dismiss(large.id, TENANT)
    assert stack.ended(large).state is JobState.DISMISSED
    assert taken < 4 * chunk_s * slowness.factor


def test_a_killed_worker_costs_nothing_but_time(stack: Stack) -> None:
    until(lambda: len(stack.workers()) == 2)
    job = stack.submit("count", chunks=30, sleep_s=0.05, seed=500)
    stack.stored(job, 5)
    until_found(stack.workers).kill()
    ended = stack.ended(job)
    assert (ended.state, ended.chunks_done) == (JobState.SUCCESSFUL, 30)


def test_a_worker_that_closes_by_itself_is_not_blamed(stack: Stack) -> None:
    if stack.cluster is None:
        # the test asks the scheduler itself to retire a worker; the two stacks with a cluster run it
        pytest.skip("the scheduler of an own pool has an address that nobody else knows")
    until(lambda: stack.service.pool().alive == 2, show=stack.service.pool)
    job = stack.submit("count", chunks=30, sleep_s=0.2, seed=510)
    stack.stored(job, 2)
    untyped: Any = Client
    with untyped(stack.cluster.address, set_as_default=False) as client:
        client.retire_workers(sorted(client.scheduler_info()["workers"])[:1])
    assert stack.ended(job).state is JobState.SUCCESSFUL
    _, told = stack.service.store.events(job.id, TENANT)
    assert [event.name for event in told if event.name == "worker_lost"] == []
    until(lambda: stack.service.pool().alive == 2, show=stack.service.pool)


def test_a_fork_server_that_dies_with_its_workers_comes_back(stack: Stack) -> None:
    until(lambda: stack.service.pool().alive == 2, show=stack.service.pool)
    workers = stack.workers()
    job = stack.submit("count", chunks=30, sleep_s=0.05, seed=520)
    stack.stored(job, 2)
    for process in (workers[0].parent(), *workers):
        process.kill()
    assert stack.ended(job).state is JobState.SUCCESSFUL
    until(lambda: stack.service.pool().alive == 2, show=stack.service.pool)
    assert not {process.pid for process in workers} & {process.pid for process in stack.workers()}


def test_a_worker_that_is_stopped_is_replaced(stack: Stack) -> None:
    until(lambda: stack.service.pool().alive == 2, show=stack.service.pool)
    job = stack.submit("count", chunks=60, sleep_s=0.1, seed=530)
    stack.stored(job, 2)
    stopped = stack.workers()[0]
    stopped.suspend()
    assert stack.ended(job).state is JobState.SUCCESSFUL
    until(lambda: stopped.pid not in {process.pid for process in stack.workers()})
    until(lambda: stack.service.pool().alive == 2, show=stack.service.pool)


def test_a_plan_that_is_too_large_is_refused_before_it_starts(stack: Stack) -> None:
    with pytest.raises(LimitExceeded, match="chunks = 100000"):
        stack.submit("count", chunks=10**12)
    with pytest.raises(InputError, match="not an operation"):
        stack.submit("no such thing")


def test_the_service_says_that_it_is_ready(stack: Stack) -> None:
    until(lambda: stack.service.driver_alive)
    assert stack.service.store_trouble() is None
