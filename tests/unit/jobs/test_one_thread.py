"""Every kind of process computes with one thread of linear algebra, and says it where that cannot be had."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]  # ships no types

from service.jobs import one_thread

PRINT = "from threadpoolctl import threadpool_info; print(max(pool['num_threads'] for pool in threadpool_info()))"
FREE = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")} | {
    "PYTHONPATH": str(Path.cwd())
}


def most_threads() -> int:
    """Threads of the widest library in this process, after it has computed something."""
    import numpy as np
    import scipy.linalg

    scipy.linalg.solve(np.eye(3), np.ones(3))
    return max(int(pool["num_threads"]) for pool in threadpool_info())


def ran(program: str) -> str:
    """What a program prints whose surroundings leave the number of threads open."""
    done = subprocess.run(
        [sys.executable, "-c", program], env=FREE, cwd=Path.cwd(), capture_output=True, text=True, check=True
    )
    return done.stdout.split()[-1]


def test_libraries_would_use_every_core() -> None:
    assert int(ran(f"import scipy.linalg; {PRINT}")) == len(os.sched_getaffinity(0))


def test_libraries_that_are_loaded_already_are_held() -> None:
    assert ran(f"import scipy.linalg; from service.jobs.one_thread import hold_one_thread as h; h('x'); {PRINT}") == "1"


def test_libraries_that_are_loaded_later_are_held() -> None:
    assert ran(f"from service.jobs.one_thread import hold_one_thread as h; h('x'); import scipy.linalg; {PRINT}") == "1"


SERVER = """
import asyncio, threading
import tests.unit.jobs.test_one_thread as tests
from service.settings import Settings
from service.web.app import create_app

async def main():
    app = create_app(Settings(workers=0, log_level="error"))
    async with app.router.lifespan_context(app):
        print(max(tests.most_threads(), await asyncio.to_thread(tests.most_threads)))

if __name__ == "__main__":
    asyncio.run(main())
"""

OWN = """
import asyncio
import tests.unit.jobs.test_one_thread as tests
from service.web.answering.process import OwnProcess

async def main():
    print(await OwnProcess(1).run(60.0, tests.most_threads))

if __name__ == "__main__":
    asyncio.run(main())
"""

DRIVER = """
import tests.unit.jobs.test_one_thread as tests
from service.jobs.config import JobsConfig
from service.jobs.driver import process

class Driver:
    def __init__(self, config):
        print(tests.most_threads(), flush=True)

    def when_gone(self, stop):
        pass

    def run(self):
        pass

    stop = run

process.DriverProcess = Driver
process.main(JobsConfig("sqlite://").to_json(), Driver(None))
"""


@pytest.mark.parametrize(
    "program", [SERVER, OWN, DRIVER], ids=["server and its threads", "process for large bodies", "driver"]
)
def test_each_process_of_the_server_computes_with_one_thread(program: str, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(program)
    done = subprocess.run([sys.executable, str(script)], env=FREE, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "1"


def test_a_process_that_ignores_the_limit_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wide = [{"internal_api": "openblas", "num_threads": 4}]
    monkeypatch.setattr(one_thread, "threadpool_info", lambda: wide)
    assert not one_thread.hold_one_thread("process for tests")
    assert "openblas of the process for tests uses 4 threads" in caplog.text
