"""The service in a process of its own, as ``minima serve`` runs it, with three routes that only measurements need.

``/echo`` reads and validates a request as ``/v1/minima`` does, by the same functions and below the same
middlewares, and writes the validated model back.  ``/hash`` receives a body of any size and hashes it as it comes.
``/cpu`` says how many seconds of a core the process has used, with those beside it that compute answers.
"""

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psutil  # type: ignore[import-untyped]  # ships no annotations
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.operations.minima import parse
from service.settings import Settings
from service.web.app import create_app
from service.web.bodies.reading import document, read_body
from service.web.responses import json_response
from service.web.serving.server import server_config

READY_WITHIN_S = 60.0
IDLE_S = 0.02
"""Of a core in a second, that an idle server uses at most."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Served:
    """Where the server listens, and its process."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Seconds of a core that the server has used so far."""
        with urlopen(f"http://127.0.0.1:{self.port}/cpu") as answer:
            return float(json.load(answer)["seconds"])


@contextmanager
def serving(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Iterator[Served]:
    """A server that is ready, for as long as the block lasts; its log lines are written and thrown away.

    Parameters
    ----------
    environment : mapping, optional
        Settings beside the defaults.
    folder : path, optional
        Another checkout of the project, whose code is run.
    """
    place = {} if folder is None else {"PYTHONPATH": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"],
        env={**os.environ, **ONE_THREAD, **place, **(environment or {})},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the server has no output to read its port from")
        served = Served(int(process.stdout.readline()), process.pid)
        _wait_until_ready(served.port)
        yield served
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def settled(served: Served) -> None:
    """Wait until a server that nobody asks uses no core: what it starts in the background has started."""
    used = served.cpu_s()
    for _ in range(int(READY_WITHIN_S)):
        time.sleep(1.0)
        before, used = used, served.cpu_s()
        if used - before < IDLE_S:
            return


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz"):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the server was not ready in time")


async def echo(request: Request) -> Response:
    """The validated request."""
    settings = request.app.state.runtime.settings
    body = await read_body(request, settings)
    return json_response(parse(await document(body, settings.max_body_bytes)).request)


async def digest(request: Request) -> Response:
    """One pass over the body, and nothing else."""
    found = hashlib.sha256()
    async for content in request.stream():
        found.update(content)
    return JSONResponse({"sha256": found.hexdigest()})


async def cpu(_request: Request) -> Response:
    """Seconds of a core used by this process and by those that compute answers, which are forks of one that forks."""
    beside = 0.0
    for forking in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "service.web" in " ".join(forking.cmdline()):
                times = [process.cpu_times() for process in (forking, *forking.children())]
                beside += sum(used.user + used.system for used in times)
    return JSONResponse({"seconds": time.process_time() + beside})


def run() -> None:
    """Serve on a free port, which is the first line of output."""
    settings = Settings()
    app = create_app(settings)
    app.add_api_route("/echo", echo, methods=["POST"])
    app.add_api_route("/hash", digest, methods=["POST"])
    app.add_api_route("/cpu", cpu, methods=["GET"])
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(server_config(app, settings)).run(sockets=[listener])


if __name__ == "__main__":
    run()
