"""Jobs on bad days: twenty rounds of kills, and every other fault test, run for real."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROUNDS: Final = 20
_ROOT: Final = Path(__file__).parent.parent
_FAULTS: Final = "tests/e2e/test_jobs_faults.py"
_LAWS: Final = "tests/contract/jobs/test_service.py"
_CHOSEN: Final = "jobs_faults or small_job or cancelling or memory or never_ends or time_limit or killed_worker"
_ROUND: Final = re.compile(r"^\[faults\] (seed .*)$", re.MULTILINE)
_PASSED: Final = re.compile(r"^PASSED \S+::test_(\w+)(?:\[(\S+)\])?$", re.MULTILINE)


def report() -> str:
    """Run the fault tests and list what was killed when.

    Raises
    ------
    RuntimeError
        If a test fails or a round is missing.
    """
    environment = {**os.environ, "MINIMA_FAULT_ROUNDS": str(ROUNDS)}
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-k", _CHOSEN, _FAULTS, _LAWS]
    ran = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    rounds = _ROUND.findall(ran.stdout)
    if ran.returncode or len(set(rounds)) != ROUNDS:
        raise RuntimeError(ran.stdout[-4000:] + ran.stderr[-1000:])
    return "\n".join(
        [
            "Each round runs a job of 60 chunks and kills with `kill -9`, at random moments, two workers, then the",
            "server, then the scheduler. Even seeds use SQLite and the embedded pool, odd ones PostgreSQL and a",
            "cluster. Every job ended, each chunk was stored and counted once, and the result had the bits of the same",
            "plan run in one process without a disturbance.",
            "",
            *(f"- {line}" for line in dict.fromkeys(rounds)),
            "",
            "The other tests of bad days, each with real processes, databases and schedulers, all passed:",
            "",
            *_others(ran.stdout),
        ]
    )


def _others(output: str) -> list[str]:
    """One line a test, with the cases it was run for."""
    cases: dict[str, list[str]] = {}
    for name, case in _PASSED.findall(output):
        cases.setdefault(name, []).append(case)
    del cases["a_job_outlives_workers_server_and_scheduler"]
    return [f"- {name.replace('_', ' ')}{_told(found)}" for name, found in sorted(cases.items())]


def _told(cases: list[str]) -> str:
    named = sorted(filter(None, cases))
    return f" ({', '.join(named)})" if named else ""
