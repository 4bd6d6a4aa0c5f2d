"""Jobs over HTTP: how soon they start, how fast they are, what a second worker, idleness and telling of them cost.

Most targets are absolute, so the reference of those rows is the target itself; two workers are compared with one.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final, TypeAlias

import numpy as np
import psutil  # type: ignore[import-untyped]  # ships no annotations

from benchmarks.comparison import Comparison
from benchmarks.server import Served, serving
from service.jobs.config import JobsConfig
from service.jobs.service import JobService
from service.jobs.values import Job, JobState, Submission
from service.schemas.problem import DESIGN_EXAMPLE
from tests.support.job_table import PLACE
from tests.support.relu_teachers import data

TENANT: Final = "anonymous"
SUBMISSIONS: Final = 40
CHUNKS: Final = 1000
SWEEPS: Final = 3
IDLE_S: Final = 10.0
LONGEST_S: Final = 170.0
SIDE: Final = 1000
RACE: Final = {
    "problem": {
        "network": {"layers": [{"width": 8, "weight_decay": 0.05}] * 2 + [{"width": 1, "weight_decay": 0.05}]},
        "data": {"kind": "example", "name": "diabetes"},
    },
    "optimisers": ["gd", "adam"],
    "initialisations": ["kaiming", "xavier", "orthogonal", "balanced_small"],
    "runs": 512,
    "steps": 800,
}
ROUNDS: Final = 2


@dataclass(frozen=True, slots=True)
class Ran:
    """Time from the first claim of a job to its end, and the time that workers spent in its chunks."""

    seconds: float
    in_chunks_s: float


@dataclass(frozen=True, slots=True)
class Stack:
    """A server, and its store as another replica sees it."""

    served: Served
    replica: JobService

    def post(self, path: str, body: object) -> tuple[str, float]:
        """Ask for a job and return its id with the time that took."""
        connection = HTTPConnection("127.0.0.1", self.served.port)
        headers = {"content-type": "application/json", "prefer": "respond-async"}
        content = json.dumps(body)
        began = time.perf_counter()
        connection.request("POST", path, content, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        taken = time.perf_counter() - began
        connection.close()
        if answer.status != 202:
            raise RuntimeError(f"{path} answered {answer.status}: {told}")
        return str(told["id"]), taken

    def submit(self, operation: str, **request: object) -> str:
        """Ask for an operation that has no route."""
        return self.replica.submit(Submission(operation, request))[0].id

    def ended(self, job_id: str) -> Job:
        """Wait for the end of a job."""
        job = self.replica.wait(job_id, TENANT, LONGEST_S)
        if job.state is not JobState.SUCCESSFUL:
            raise RuntimeError(f"the job did not succeed: {job}")
        return job

    def ran(self, path: str, body: object) -> Ran:
        """Run a job to its end."""
        job = self.ended(self.post(path, body)[0])
        chunks = self.replica.store.partial(job.id, TENANT, limit=10_000)[1]
        return Ran(ran_s(job), sum(chunk.seconds for chunk in chunks))

    def core_s(self) -> float:
        """Seconds of a core that the server and all below it have used so far."""
        server = psutil.Process(self.served.pid)
        found = [server, *server.children(recursive=True)]
        return float(sum(sum(process.cpu_times()[:2]) for process in found))


@contextmanager
def running(workers: int) -> Iterator[Stack]:
    """A server with a warm pool on a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/jobs.db"
        settings = {"MINIMA_DATABASE_URL": url, "MINIMA_WORKERS": str(workers), "MINIMA_JOB_TABLE": PLACE}
        with serving(settings) as served:
            stack = Stack(served, JobService(JobsConfig(url, table=PLACE), drive=False))
            for seed in range(2 * workers):
                stack.ended(stack.post("/v1/sweeps", grid(20, seed))[0])
            yield stack
            stack.replica.stop()


def ran_s(job: Job) -> float:
    """Time from the first claim to the end."""
    if job.started_at is None or job.finished_at is None:
        raise RuntimeError(f"the job has not ended: {job}")
    return job.finished_at - job.started_at


def grid(side: int, seed: int) -> dict[str, Any]:
    """A phase diagram of ``side`` times ``side`` points of one output; each seed is another question."""
    decay = {"parameter": "decay_scale", "from": 0.01, "to": 10 + seed, "points": side}
    return {"problem": DESIGN_EXAMPLE, "axes": [decay, {**decay, "parameter": "noise_variance", "from": 0.0}]}


def several_outputs(seed: int) -> dict[str, Any]:
    """A phase diagram whose points are solved one by one; each seed is another question."""
    generator = np.random.default_rng(1)
    x = generator.standard_normal((60, 10))
    y = x @ generator.standard_normal((10, 5)) + generator.standard_normal((60, 5))
    layers = [{"width": 8, "weight_decay": 0.05}, {"width": 5, "weight_decay": 0.05}]
    data = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    axis = {"parameter": "decay_scale", "from": 0.1, "to": 10 + seed, "points": 3600}
    return {"problem": {"network": {"layers": layers}, "data": data}, "axes": [axis]}


def beginnings(stack: Stack) -> tuple[float, float]:
    """Median times until a submission is acknowledged, and until its job runs."""
    acknowledged, started = [], []
    for seed in range(SUBMISSIONS):
        job_id, taken = stack.post(
            "/v1/minima", {**DESIGN_EXAMPLE, "data": {**DESIGN_EXAMPLE["data"], "yy": 1.0 + seed}}
        )
        acknowledged.append(taken)
        job = stack.ended(job_id)
        started.append((job.started_at or job.created_at) - job.created_at)
    return statistics.median(acknowledged), statistics.median(started)


def idle_cores(stack: Stack) -> float:
    """Cores that a service with nothing to do keeps busy."""
    before = stack.core_s()
    time.sleep(IDLE_S)
    return (stack.core_s() - before) / IDLE_S


def sweep_s(stack: Stack) -> float:
    """Median time from asking for a million points to the stored result."""
    taken = []
    for seed in range(1, 1 + SWEEPS):
        began = time.perf_counter()
        stack.ended(stack.post("/v1/sweeps", grid(SIDE, seed))[0])
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def telling_s(stack: Stack) -> float:
    """Longest time from an event's entry in the store to its arrival at a listener."""
    job_id = stack.submit("count", chunks=60, sleep_s=0.05, seed=7)
    connection = HTTPConnection("127.0.0.1", stack.served.port)
    connection.request("GET", f"/v1/jobs/{job_id}/events")
    lines = (line.decode() for line in connection.getresponse())
    ages = [time.time() - json.loads(line[6:])["at"] for line in lines if line.startswith("data: ")]
    connection.close()
    return float(max(ages))


def certification(seed: int) -> dict[str, Any]:
    """100 samples of six inputs, whose wave takes more cones than the effort: some 20 s of a core, nearly all cones."""
    x, y = data("sine", 100, 6)
    layers = [{"width": 64, "activation": "relu", "weight_decay": 0.005}, {"width": 1, "weight_decay": 0.005}]
    samples = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    problem = {"network": {"layers": layers}, "data": samples, "objective": {"convention": "half_mean"}}
    return {"problem": problem, "tolerance": 1e-3, "effort": 3_000_000, "seed": seed}


Works: TypeAlias = Mapping[str, tuple[str, Callable[[int], object], float]]
"""What is asked where and what two workers should gain, by name; each seed is another question."""
WORKS: Final[Works] = {
    "sweep of several outputs": ("/v1/sweeps", several_outputs, 1.8),
    "race": ("/v1/races", lambda seed: {**RACE, "seed": seed}, 1.8),
    "certified ReLU network": ("/v1/relu-minima", certification, 1.7),
}


def scaling(works: Works) -> list[Comparison]:
    """Two workers against one, the best of alternating rounds: by the clock, and in workers that compute at a time.

    Only one server runs at a time: another one, though idle, would take a part of a core from the two workers.
    The clock needs two cores that nobody else uses: the kernel may give a session the same share of a busy machine
    however many processes it has.  Such a machine slows chunks and pauses down alike, so that the other row stays.
    """
    found: dict[int, dict[str, list[Ran]]] = {workers: {work: [] for work in works} for workers in (2, 1)}
    for seed in range(ROUNDS):
        for workers, rounds in found.items():
            with running(workers) as stack:
                for work, (path, question, _) in works.items():
                    rounds[work].append(stack.ran(path, question(seed)))
    rows = []
    for work, (_, _, target) in works.items():
        short, long = (min(ran.seconds for ran in found[workers][work]) for workers in (2, 1))
        both, single = (max(ran.in_chunks_s / ran.seconds for ran in found[workers][work]) for workers in (2, 1))
        rows += [
            Comparison(f"{work}, two workers", 1.0 / short, "one worker", 1.0 / long, "jobs/s", target, True),
            Comparison(f"{work}, of two workers compute", both, "of one worker", single, "workers", target, True),
        ]
    return rows


def compare() -> list[Comparison]:
    """Measure a server with two workers, then that beside one with a single worker."""
    with running(2) as stack:
        acknowledged, started = beginnings(stack)
        rate = CHUNKS / ran_s(stack.ended(stack.submit("count", chunks=CHUNKS, seed=1)))
        idle = idle_cores(stack)
        sweep, telling = sweep_s(stack), telling_s(stack)
    scaled = scaling(WORKS)
    return [
        _within("submission acknowledged, median", acknowledged, 0.02, "s"),
        _within("job started, median", started, 0.15, "s"),
        Comparison("durable chunks, two workers", rate, "target", 100.0, "1/s", 1.0, True),
        _within("idle service", idle, 0.1, "cores"),
        _within("sweep of 10^6 points, asked for until stored", sweep, 2.0, "s"),
        _within("event in the stream, longest delay", telling, 0.5, "s"),
        *scaled,
    ]


def _within(work: str, measured: float, target: float, unit: str) -> Comparison:
    return Comparison(work, measured, "target", target, unit, 1.0, False)
