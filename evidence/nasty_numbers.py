"""Requests of a valid shape with nasty numbers, sent to a server of its own.

``--cases N`` says how many, ``--seconds S`` after how long no more are sent.
"""

import os
import tempfile
import time
from collections import Counter
from http import HTTPStatus
from typing import Final

from benchmarks.server import serving
from tests.serving import Reply, call
from tests.support.nasty_numbers import POSTED, Case, case_of, complaint

CASES: Final = 100_000
SECONDS: Final = 600.0
FIRST_SEED: Final = 100_000
LIMITS: Final = {"MINIMA_WORKERS": "0", "MINIMA_MAX_SECONDS": "2", "MINIMA_LOG_LEVEL": "error"}
REPEATED: Final = 4
GRACE_S: Final = 10.0
"""A busy machine adds to the two seconds that the server allows."""


def report() -> str:
    """Send the cases and count the answers.

    Raises
    ------
    RuntimeError
        If one was a server error, late, or not finite.
    """
    cases = int(os.environ.get("EVIDENCE_CASES", CASES))
    ends = time.monotonic() + float(os.environ.get("EVIDENCE_SECONDS", SECONDS))
    counted: Counter[tuple[str, int]] = Counter()
    wrong: list[str] = []
    longest, again = 0.0, 0
    with (
        tempfile.TemporaryDirectory() as folder,
        serving({**LIMITS, "MINIMA_DATABASE_URL": f"sqlite:///{folder}/jobs.db"}) as served,
    ):
        for seed in range(FIRST_SEED, FIRST_SEED + cases):
            if time.monotonic() > ends:
                break
            case = case_of(seed)
            reply, repeated = _asked(f"http://127.0.0.1:{served.port}", case)
            again += repeated
            counted[case.operation, reply.status] += 1
            longest = max(longest, reply.seconds)
            said = complaint(reply.status, reply.content, reply.seconds, GRACE_S)
            if said is not None:
                wrong.append(f"seed {seed}, {case.operation}, {', '.join(case.changes)}: {said}")
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {counted.total()} cases:\n" + "\n".join(wrong))
    return _told(longest, again, counted)


def _asked(base: str, case: Case) -> tuple[Reply, int]:
    """The answer, and how often the server had been too busy for it: other work may have the machine."""
    repeated = 0
    while True:
        reply = call(base, "POST", case.path, case.body)
        if reply.status != HTTPStatus.SERVICE_UNAVAILABLE or repeated == REPEATED:
            return reply, repeated
        repeated += 1
        time.sleep(float(reply.headers["retry-after"]))


def _told(longest: float, again: int, counted: Counter[tuple[str, int]]) -> str:
    statuses = sorted({status for _, status in counted})
    return "\n".join(
        [
            f"{counted.total():,} requests (seeds from {FIRST_SEED}), to every operation that takes JSON in turn:",
            "examples and samples (badly conditioned, tied, collinear, columns of any size) in which numbers became",
            "denormal, huge, `-0.0`, `2^53 + 1`, whole numbers written as floats, or equal to each other. None was a",
            "server error, no answer held a number that is not finite, none took over",
            f"{GRACE_S:g} s where the server allows 2",
            f"(the longest {longest:.1f} s). {again} times the server said 503 with `Retry-After`, because other work",
            f"had the machine, and was asked again, at most {REPEATED} times.",
            "",
            "| operation | " + " | ".join(map(str, statuses)) + " |",
            "|---|" + "---|" * len(statuses),
            *(
                f"| {name} | " + " | ".join(str(counted[name, status]) for status in statuses) + " |"
                for name in sorted(POSTED)
            ),
        ]
    )
