"""What a thousand listeners of one running job cost those who ask for its state.

The job has five events a second, the most that a driver tells, with and without listeners.  Each listener has a
connection of its own and must have heard every event.  Server, listeners and the one who asks are processes of their
own; phases without and with listeners alternate.
"""

import asyncio
import multiprocessing
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from typing import Final

from benchmarks.comparison import Comparison
from benchmarks.server import serving
from service.jobs.config import JobsConfig
from service.jobs.service import JobService
from service.jobs.store.database import Database
from service.jobs.store.migrate import migrate
from service.jobs.store.rows import append_event
from service.jobs.values import Submission

LISTENERS: Final = 1_000
EVENTS_A_SECOND: Final = 5.0
ASKED: Final = 300
PAUSE_S: Final = 0.01
ROUNDS: Final = 3
FACTOR: Final = 2.0
PATIENCE_S: Final = 60.0
_ID: Final = re.compile(rb"^id: (\d+)", re.MULTILINE)


def compare() -> list[Comparison]:
    """Mean and median time of one question, with listeners against without."""
    without: list[float] = []
    beside: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/jobs.db"
        with serving({"MINIMA_DATABASE_URL": url, "MINIMA_WORKERS": "0"}) as served, _job(url) as job:
            for _ in range(ROUNDS):
                without += _times(served.port, job)
                with _listening(served.port, job):
                    beside += _times(served.port, job)
    return [
        Comparison(
            f"GET of a running job beside {LISTENERS} listeners, {name} of {len(beside)}",
            of(beside),
            "the same, without listeners",
            of(without),
            "s",
            FACTOR,
            at_least=False,
        )
        for name, of in (("median", statistics.median), ("mean", statistics.fmean))
    ]


@contextmanager
def _job(url: str) -> Iterator[str]:
    """A job to which something happens again and again."""
    service = JobService(JobsConfig(database_url=url), drive=False)
    database = Database(url)
    migrate(database)
    job = service.store.submit(Submission("minima", {"problem": {}}))[0].id
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(1.0 / EVENTS_A_SECOND):
            with database.writing() as connection:
                append_event(connection, database.clock, job, "progress", {"chunks_done": 1, "chunks_total": 100})

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield job
    finally:
        ended.set()
        thread.join()
        service.stop()
        database.close()


def _times(port: int, job: str) -> list[float]:
    """Seconds of each question, on one connection."""
    connection = HTTPConnection("127.0.0.1", port)
    found = []
    for _ in range(ASKED):
        time.sleep(PAUSE_S)
        began = time.perf_counter()
        connection.request("GET", f"/v1/jobs/{job}")
        answer = connection.getresponse()
        answer.read()
        found.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"the job answered {answer.status}")
    connection.close()
    return found


@contextmanager
def _listening(port: int, job: str) -> Iterator[None]:
    """Listeners in a process of their own; `RuntimeError` unless each has heard everything."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_listen, args=(there, port, job))
    process.start()
    try:
        _expect(here, "all listen")
        yield
        here.send("stop")
        _expect(here, "all heard everything")
    finally:
        process.terminate()
        process.join()


def _expect(pipe: Connection, word: str) -> None:
    if not pipe.poll(PATIENCE_S):
        raise RuntimeError(f"the listeners did not say: {word}")
    told = pipe.recv()
    if told != word:
        raise RuntimeError(told)


def _listen(pipe: Connection, port: int, job: str) -> None:
    asyncio.run(_hear(pipe, port, job))


class _Listener(asyncio.Protocol):
    """Counts events and remembers the id of the last: ids rise by one, so that the two are equal if none was missed."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.events = 0
        self.last = 0
        self.lost = False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own name
        self.lost = True

    def data_received(self, data: bytes) -> None:
        whole, end, self._rest = (self._rest + data).rpartition(b"\n\n")
        found = _ID.findall(whole + end)
        self.events += len(found)
        if found:
            self.last = int(found[-1])


async def _hear(pipe: Connection, port: int, job: str) -> None:
    loop = asyncio.get_running_loop()
    request = f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    listeners = [_Listener(request) for _ in range(LISTENERS)]
    for each in listeners:
        await loop.create_connection(lambda each=each: each, "127.0.0.1", port)  # type: ignore[misc]  # bound at once
    if await _within(lambda: all(each.events for each in listeners)):
        pipe.send("all listen")
    await _within(pipe.poll)
    told = max(each.last for each in listeners)
    await _within(lambda: all(each.last >= told or each.lost for each in listeners))
    complete = sum(each.last >= told and each.events == each.last and not each.lost for each in listeners)
    pipe.send("all heard everything" if complete == LISTENERS else f"{LISTENERS - complete} listeners missed something")


async def _within(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, and tell whether it came true in time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while not condition() and loop.time() < until:  # noqa: ASYNC110 - what comes from sockets and pipes sets no event
        await asyncio.sleep(0.05)
    return condition()
