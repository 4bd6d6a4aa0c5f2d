"""``minima serve`` in processes of its own, for tests that stop, reload and kill it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # ships no annotations

WITHIN_S = 150.0
ROOT = Path(__file__).parents[2]


class UnixConnection(HTTPConnection):
    """A connection to a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(WITHIN_S)
        self.sock.connect(self._path)


class Server:
    """A running service, what it says, and where it is."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.place = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)

    def connect(self) -> HTTPConnection:
        if self.place.startswith("unix:"):
            return UnixConnection(self.place.removeprefix("unix:"))
        host, _, port = self.place.removeprefix("http://").partition(":")
        return HTTPConnection(host, int(port), timeout=WITHIN_S)

    def get(self, path: str) -> tuple[int, Any]:
        """Status and content at a path, by a connection of its own."""
        connection = self.connect()
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            content = reply.read()
            is_json = "json" in reply.headers.get("content-type", "")
            return reply.status, json.loads(content) if is_json else content.decode()
        finally:
            connection.close()

    def counted(self, sample: str) -> float:
        """The value of a sample in the metrics."""
        _, text = self.get("/metrics")
        found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def children(self, word: str) -> list[psutil.Process]:
        """Processes below this one whose command has a word."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in found if word in " ".join(_command(each))]

    def until_ready(self, number: int = 1) -> None:
        """Wait until so many requests in a row were answered."""
        until(lambda: all(self._is_ready() for _ in range(number)), self)

    def _is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def told(self) -> str:
        """All that it said, once it has ended."""
        self.process.wait(WITHIN_S)
        self._thread.join(WITHIN_S)
        return "".join(self.lines)

    def terminate(self) -> float:
        """Seconds that it takes to end when it is told to; fails if they are many."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(WITHIN_S)
        return time.monotonic() - began


def _command(process: psutil.Process) -> list[str]:
    try:
        command: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return command


def until(holds: Any, server: Server | None = None) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "" if server is None else "".join(server.lines)
        assert server is None or server.process.poll() is None, "".join(server.lines)
        time.sleep(0.05)


@contextmanager
def serve(folder: Path, *options: str, first_on_path: Path | None = None, **settings: str) -> Iterator[Server]:
    """A server with a store of its own in a folder, which is where its ``.env`` would stand.

    Parameters
    ----------
    folder : Path
    *options : str
        Of the command line.
    first_on_path : Path, optional
        A folder from which all its processes import before any other, such as a ``sitecustomize``.
    **settings : str
        Without their prefix.
    """
    plain: Mapping[str, str] = {name: text for name, text in os.environ.items() if not name.startswith("MINIMA_")}
    stated = {"DATABASE_URL": f"sqlite:///{folder}/jobs.db", "WORKERS": "0", "LOG_LEVEL": "warning", **settings}
    environment = {
        **plain,
        "PYTHONPATH": os.pathsep.join(str(place) for place in (first_on_path, ROOT) if place is not None),
        "OPENBLAS_NUM_THREADS": "1",
        **{f"MINIMA_{name}": text for name, text in stated.items()},
    }
    where = () if "--uds" in options or "--port" in options else ("--port", "0")
    command = [sys.executable, "-c", "from service.cli import main; main()", "serve", *where, *options]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as process:
        server = Server(process)
        try:
            until(lambda: any("serving on " in line for line in server.lines), server)
            line = next(line for line in server.lines if "serving on " in line)
            server.place = line.partition("serving on ")[2].split()[0]
            server.until_ready()
            yield server
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
