"""A service in a process of its own whose event loop says how long it was held at once; ``python -m`` runs it.

Core time of the thread, not of the clock: a busy machine does not change it.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]  # ships no annotations
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse

from service.cli.listening import bind
from service.settings import Settings
from service.web.app import create_app

READY_WITHIN_S: Final = 60.0
held = {"longest": 0.0, "whole": 0.0}


@dataclass(frozen=True, slots=True)
class Held:
    """Seconds of core time that callbacks of the loop took since they were last asked for."""

    longest: float
    whole: float


@dataclass(frozen=True, slots=True)
class Watched:
    """A server that is ready."""

    port: int
    pid: int

    def held(self) -> Held:
        """What the loop was held for since this was last called."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/held")
            return Held(**json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def peak_bytes(self) -> int:
        """Peaks of the resident sets of the server and of its processes, as the kernel saw them, together."""
        processes = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        return sum(_peak(process.pid) for process in processes)


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


@contextmanager
def watched(environment: Mapping[str, str] | None = None) -> Iterator[Watched]:
    """A watched server, for as long as the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.held_loop"],
        env={**os.environ, "MINIMA_WORKERS": "0", "MINIMA_LOG_LEVEL": "error", **(environment or {})},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, "the server ended before it listened"
        found = Watched(int(line), process.pid)
        _wait_until_ready(found.port)
        yield found
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/livez")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError("the server was not ready in time")


def watch() -> None:
    """Measure every callback from now on; the loop of the library in C has no place for that."""
    run: Any = asyncio.Handle._run

    def measured(handle: Any) -> None:
        begun = time.thread_time()
        try:
            run(handle)
        finally:
            taken = time.thread_time() - begun
            held["longest"] = max(held["longest"], taken)
            held["whole"] += taken

    asyncio.Handle._run = measured  # type: ignore[assignment, method-assign]  # only this process, which does nothing else


async def tell(_request: Request) -> JSONResponse:
    """What was measured, and begin anew."""
    told = dict(held)
    held.update(longest=0.0, whole=0.0)
    return JSONResponse(told)


def main() -> None:
    """Serve on a free port, which is the first line of output."""
    watch()
    app = create_app(Settings())
    app.add_api_route("/held", tell, methods=["GET"])
    listener = bind("127.0.0.1", 0)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, loop="asyncio", access_log=False, log_config=None)).run(sockets=[listener])


if __name__ == "__main__":
    main()
