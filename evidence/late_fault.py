"""A csv file of four gigabytes whose last row is wrong: what is said, and how long it takes beside a good file."""

import http.client
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.server import Served, serving

BYTES: Final = 4 * 10**9
COLUMNS: Final = 100
ROWS_OF_A_BLOCK: Final = 5_000
SLACK: Final = 1.25
"""How much longer than the good file the wrong one may take: two passes would be 2."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What came of one file."""

    bytes: int
    rows: int
    seconds: float
    of_a_core: float
    status: int
    answer: dict[str, Any]


def report() -> str:
    """Send both files, made while they are sent.

    Raises
    ------
    RuntimeError
        If the good file is not read, or the other one is not refused by its last row within the time of one pass.
    """
    size = int(float(os.environ.get("EVIDENCE_BYTES", BYTES)))
    block = _block()
    with serving() as server:
        good, wrong = _sent(server, block, size, b""), _sent(server, block, size, _wrong_row())
    last = wrong.rows - 1
    detail = str(wrong.answer.get("detail", ""))
    if good.status not in (200, 201) or wrong.status != 422 or f"(row {last}," not in detail:
        raise RuntimeError(f"{good.status} {good.answer}, {wrong.status} {detail}")
    ratio = wrong.of_a_core / good.of_a_core
    if ratio > SLACK:
        raise RuntimeError(f"the wrong file takes {ratio:.2f} times as long as the good one")
    lines = [
        _row("good", good, f"{good.answer['samples']:,} samples"),
        _row("a letter in the last number of the last row", wrong, detail),
    ]
    return "\n".join(
        [
            f"Normal numbers in {COLUMNS} columns with all their digits, made while they are sent: no disk takes part.",
            f"Both files over HTTP, one after the other; the wrong one takes {ratio:.2f} times the seconds",
            "of a core that the good one takes.",
            "",
            "| file | GB | rows | seconds of a core | by the clock | status | answer |",
            "|---|---|---|---|---|---|---|",
            *lines,
        ]
    )


def _row(name: str, upload: Upload, told: str) -> str:
    size, seconds = f"{upload.bytes / 1e9:.2f} | {upload.rows:,}", f"{upload.of_a_core:.1f} | {upload.seconds:.1f}"
    return f"| {name} | {size} | {seconds} | {upload.status} | {told} |"


def _block() -> bytes:
    rows = np.random.default_rng(5).normal(size=(ROWS_OF_A_BLOCK, COLUMNS)).tolist()
    return b"".join((",".join(map(repr, row)) + "\n").encode() for row in rows)


def _wrong_row() -> bytes:
    return b"1.5," * (COLUMNS - 1) + b"1.5o\n"


def _sent(server: Served, block: bytes, size: int, last: bytes) -> Upload:
    """One file of about so many bytes: whole blocks, then the last row."""
    blocks = size // len(block)
    total = blocks * len(block) + len(last)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=900)
    started, used = time.perf_counter(), server.cpu_s()
    connection.putrequest("POST", "/v1/datasets")
    connection.putheader("content-type", "text/csv")
    connection.putheader("content-length", str(total))
    connection.endheaders()
    for piece in _pieces(block, blocks, last):
        connection.send(piece)
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    seconds, of_a_core = time.perf_counter() - started, server.cpu_s() - used
    connection.close()
    return Upload(total, blocks * ROWS_OF_A_BLOCK + bool(last), seconds, of_a_core, reply.status, answer)


def _pieces(block: bytes, blocks: int, last: bytes) -> Iterator[bytes]:
    for _ in range(blocks):
        yield block
    if last:
        yield last
