"""Jobs on bad days: every fault test but the rounds of kills, which have a page of their own, run for real."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parent.parent
_FAULTS: Final = "tests/e2e/test_jobs_faults.py"
_LAWS: Final = "tests/contract/jobs/test_service.py"
_CHOSEN: Final = "jobs_faults or small_job or cancelling or memory or never_ends or time_limit or killed_worker"
_PASSED: Final = re.compile(r"^PASSED \S+::test_(\w+)(?:\[(\S+)\])?$", re.MULTILINE)


def report() -> str:
    """Run the fault tests and list them.

    Raises
    ------
    RuntimeError
        If a test fails.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-k", _CHOSEN, _FAULTS, _LAWS]
    ran = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stdout[-4000:] + ran.stderr[-1000:])
    return "\n".join(
        [
            "These tests, each with real processes, databases and schedulers, all passed; rounds of kills have",
            "[a page of their own](jobs_kills.md):",
            "",
            *_others(ran.stdout),
        ]
    )


def _others(output: str) -> list[str]:
    """One line a test, with the cases it was run for."""
    cases: dict[str, list[str]] = {}
    for name, case in _PASSED.findall(output):
        cases.setdefault(name, []).append(case)
    return [f"- {name.replace('_', ' ')}{_told(found)}" for name, found in sorted(cases.items())]


def _told(cases: list[str]) -> str:
    named = sorted(filter(None, cases))
    return f" ({', '.join(named)})" if named else ""
