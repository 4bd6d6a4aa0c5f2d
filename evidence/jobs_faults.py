"""Jobs on bad days: twenty rounds of kills, and every other fault test, run for real."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROUNDS: Final = 20
_ROOT: Final = Path(__file__).parent.parent
_TEST: Final = "tests/e2e/test_jobs_faults.py"
_LINE: Final = re.compile(r"^\[faults\] (seed .*)$", re.MULTILINE)
_PASSED: Final = re.compile(r"(\d+) passed")


def report() -> str:
    """Run the fault tests and list what was killed when.

    Raises
    ------
    RuntimeError
        If a test fails or a round is missing.
    """
    environment = {**os.environ, "MINIMA_FAULT_ROUNDS": str(ROUNDS)}
    command = [sys.executable, "-m", "pytest", "-q", _TEST]
    ran = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    rounds = _LINE.findall(ran.stdout)
    passed = _PASSED.search(ran.stdout)
    if ran.returncode or passed is None or len(rounds) != ROUNDS:
        raise RuntimeError(ran.stdout[-4000:] + ran.stderr[-1000:])
    return "\n".join(
        [
            "Each round runs a job of 60 chunks and kills with `kill -9`, at random moments, two workers, then the",
            "server, then the scheduler. Even seeds use SQLite and the embedded pool, odd ones PostgreSQL and a",
            "cluster. Every job ended, each chunk was stored and counted once, and the result had the bits of the same",
            "plan run in one process without a disturbance.",
            "",
            *(f"- {line}" for line in rounds),
            "",
            "With the other fault tests (replicas paused before each kind of write, stuck chunks cancelled, a frozen",
            f"driver, a database that goes away) {passed.group(1)} tests passed.",
        ]
    )
