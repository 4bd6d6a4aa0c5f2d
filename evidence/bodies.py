"""The worst bodies over HTTP: core time of the event loop, memory, status, each kind at two sizes, some at a third."""

import tempfile
import time
from typing import Final

from tests.support.held_loop import Watched, watched
from tests.support.worst_bodies import BODIES, WorstBody, sent

SIZES: Final = (20_000, 1_000_000)
LARGEST: Final = 30_000_000
AT_LARGEST: Final = frozenset(
    {"small layers", "samples of one digit", "64 problems", "values of a decay", "a long text", "entries of an archive"}
)
"""Near the limit of bytes: what is refused early, read in full, answered with as much, and never parsed."""
SAMPLES: Final = 2
"""Times that each body is sent; the least hold counts: what others do on the machine makes it longer only."""
SECONDS: Final = 5
"""That an answer may take; how long the loop is held has nothing to do with it."""
FAILED: Final = (0, 500)
"""503 says that the process for large bodies had no core to compute on."""


def report() -> str:
    """Send every body to a server that says how long its loop was held."""
    rows, longest, smaller, failed = [], 0.0, 0.0, []
    with tempfile.TemporaryDirectory() as folder, watched(_settings(folder)) as server:
        for size in SIZES:
            # the process for large bodies is there before anything is measured
            sent(server.port, BODIES[0], BODIES[0].make(size))
        for body in BODIES:
            seen = set()
            for size in (*SIZES, *((LARGEST,) if body.name in AT_LARGEST else ())):
                content = body.make(size)
                if len(content) in seen:
                    continue
                seen.add(len(content))
                row, held, status = _measured(server, body, content)
                rows.append(row)
                longest = max(longest, held)
                smaller = max(smaller, held) if size < LARGEST else smaller
                failed += [f"{body.name}: {status}"] if status in FAILED else []
    assert not failed, failed
    return (
        "Each kind of body, the largest near the limit of 32 MiB, sent to a real server with settings as they are, but "
        f"{SECONDS} s for an answer. *Held* is the longest that one callback of the event loop took, in core time of "
        "its thread, while the body was received, read, refused or answered and the answer sent, the least of "
        f"{SAMPLES} times; *all* is the "
        "core time of the loop for the whole request, which others come in between. *Memory* is how much the peaks of "
        "the server and of its process for large bodies grew. None ended in an error of the server, but for 503 where "
        "a machine that does other work had no core for it. The longest hold "
        f"was {1e3 * longest:.1f} ms, and {1e3 * smaller:.1f} ms up to a megabyte.\n\n"
        "| body | bytes | status | held, ms | all, ms | seconds | memory, MB |\n|---|---|---|---|---|---|---|\n"
        + "\n".join(rows)
    )


def _settings(folder: str) -> dict[str, str]:
    return {"MINIMA_DATABASE_URL": f"sqlite:///{folder}/jobs.db", "MINIMA_MAX_SECONDS": str(SECONDS)}


def _measured(server: Watched, body: WorstBody, content: bytes) -> tuple[str, float, int]:
    before, held, whole, seconds, status = server.peak_bytes(), float("inf"), 0.0, 0.0, 0
    for _ in range(1 if len(content) > SIZES[-1] else SAMPLES):
        server.held()
        begun = time.perf_counter()
        status = sent(server.port, body, content)
        seconds = time.perf_counter() - begun
        found = server.held()
        if found.longest < held:
            held, whole = found.longest, found.whole
    grown = max(0, server.peak_bytes() - before)
    row = f"| {body.name} | {len(content):,} | {status} | {1e3 * held:.1f} | {1e3 * whole:.0f} | {seconds:.2f} |"
    print(row, flush=True)
    return f"{row} {grown / 1e6:.0f} |", held, status
