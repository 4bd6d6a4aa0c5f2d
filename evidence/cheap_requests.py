"""A million cheap requests to one server, for ``--cases N``: every answer is 200, and memory is flat.

``--seconds N`` ends earlier, and the page says how many requests were sent.
"""

import os
import tempfile
import time
from dataclasses import dataclass
from typing import Final

import psutil  # type: ignore[import-untyped]  # ships no annotations

from benchmarks.load import load, request_of
from benchmarks.overload import memory_of
from benchmarks.problems import bodies
from benchmarks.server import serving

REQUESTS: Final = 1_000_000
PART: Final = 2_000
"""Requests of distinct bodies that are sent over eight connections; memory is read after each part."""
WARM: Final = 0.01
"""Share of the requests after which caches are full and memory is compared."""
GROWTH_BYTES: Final = 16 * 2**20
"""By which the server and its processes may have grown between then and the end."""
PATIENCE_S: Final = 600.0
"""For one part, on a machine that does other things first."""
SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """Requests answered so far, and the memory of the server alone and with its processes."""

    requests: int
    own_bytes: int
    all_bytes: int


def report() -> str:
    """Send the requests, part by part.

    Raises
    ------
    RuntimeError
        If an answer is not 200, or memory went on growing.
    """
    wanted = int(os.environ.get("EVIDENCE_CASES", REQUESTS))
    ends = time.monotonic() + float(os.environ.get("EVIDENCE_SECONDS", "inf"))
    with (
        tempfile.TemporaryDirectory() as folder,
        serving({"MINIMA_DATABASE_URL": f"sqlite:///{folder}/jobs.db", "MINIMA_WORKERS": "0"}) as served,
    ):
        found: list[Reading] = []
        sent = 0
        while sent < wanted and time.monotonic() < ends:
            requests = [request_of("/v1/minima", body) for body in bodies(PART, seed=sent // PART)]
            load(served.port, requests, limit_s=PATIENCE_S)
            sent += PART
            found.append(Reading(sent, psutil.Process(served.pid).memory_info().rss, memory_of(served.pid)))
            print(f"{sent:,}: {found[-1].all_bytes / 1e6:.0f} MB", flush=True)
    warm = next(reading for reading in found if reading.requests >= WARM * sent)
    if found[-1].all_bytes - warm.all_bytes > GROWTH_BYTES:
        raise RuntimeError(f"memory grew from {warm.all_bytes} to {found[-1].all_bytes} bytes")
    return _told(warm, found)


def _told(warm: Reading, found: list[Reading]) -> str:
    shown = [warm, *(found[len(found) * tenth // SHOWN - 1] for tenth in range(1, SHOWN + 1) if len(found) >= SHOWN)]
    rows = [f"| {each.requests:,} | {each.own_bytes / 1e6:.1f} | {each.all_bytes / 1e6:.1f} |" for each in shown]
    most = max(each.all_bytes for each in found)
    return "\n".join(
        [
            f"{found[-1].requests:,} requests of `POST /v1/minima` with 10 inputs and three layers, no two alike, over",
            f"eight connections to one server; each was answered 200. Memory is the resident set after every {PART:,}",
            f"requests; it was never more than {most / 1e6:.1f} MB in all.",
            "",
            "| requests | server, MB | with its processes, MB |",
            "|---|---|---|",
            *rows,
        ]
    )
