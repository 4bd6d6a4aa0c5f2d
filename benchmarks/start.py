"""Start-up: from the start of ``minima serve`` on an empty data folder to its first 200 at ``/readyz``."""

import os
import subprocess
import sys
import tempfile
import time
from urllib.request import urlopen

import psutil  # type: ignore[import-untyped]  # ships no annotations

from benchmarks.comparison import Comparison
from benchmarks.server import ONE_THREAD, READY_WITHIN_S

REPEATS = 5
TARGET_S = 2.0
LIBRARIES = "import alembic.command, fastapi, numpy, scipy.optimize, sqlalchemy, uvicorn"
SERVE = "from service.cli import main; main()"


def ready_s() -> tuple[float, float]:
    """Seconds until one server answers that it is ready, by the clock and of a core; its store is made anew."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **ONE_THREAD, "MINIMA_DATABASE_URL": f"sqlite:///{folder}/jobs.db"}
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            # the port is taken at once, and connections wait until they are accepted
            base = process.stderr.readline().partition("serving on ")[2].split()[0]
            with urlopen(f"{base}/readyz", timeout=READY_WITHIN_S):
                taken = time.perf_counter() - began
            used = psutil.Process(process.pid).cpu_times()
            return taken, used.user + used.system
        finally:
            process.terminate()
            process.communicate()


def import_s() -> float:
    """Seconds that a new interpreter takes to load the libraries alone."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", LIBRARIES], env={**os.environ, **ONE_THREAD}, check=True)
    return time.perf_counter() - began


def compare() -> list[Comparison]:
    """Measure both in turn; the first of each warms the caches of the file system."""
    times = [(*ready_s(), import_s()) for _ in range(REPEATS + 1)][1:]
    ready, used, libraries = (sorted(column)[REPEATS // 2] for column in zip(*times, strict=True))
    return [
        Comparison("start to ready, median", ready, "target", TARGET_S, "s", 1.0, False),
        Comparison("start to ready, of a core, median", used, "target", TARGET_S, "s", 1.0, False),
        Comparison("start to ready, median", ready, "importing its libraries", libraries, "s", 2.0, False),
    ]
