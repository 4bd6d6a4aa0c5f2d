"""This checkout against another, ``python -m benchmarks.paired FOLDER [ROUNDS] [WORK]``: one server of each, in turn.

A round sends the same requests to both.  What counts is the time of a core that each server used for them, and the
ratio of the two in each round: a machine that slows down from one minute to the next slows both.  With a word, only the
kinds of work are done whose names have it.
"""

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Final, TypeAlias

import psutil  # type: ignore[import-untyped]  # ships no annotations
from rich.console import Console
from rich.table import Table

from benchmarks import batch
from benchmarks.load import load
from benchmarks.server import Served, serving, settled
from benchmarks.uploads import COLUMNS, send_npy, write_npy

ROUNDS: Final = 30
SEEDS: Final = 7
"""Rounds after which the same bodies come again."""
UPLOADED: Final = 400_000
"""Samples of the file that is uploaded, of 320 MB."""
Ask: TypeAlias = Callable[[Served, int], float]
"""Asks one server for a round, and returns milliseconds of a core for each request."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Milliseconds of a core that a request took there and here, round by round."""

    there: list[float]
    here: list[float]

    def ratios(self) -> list[float]:
        """Here over there in each round: above one this checkout is slower."""
        return [mine / theirs for theirs, mine in zip(self.there, self.here, strict=True)]


def _posted(bodies: Callable[[int], list[bytes]], served: Served, turn: int) -> float:
    requests = bodies(turn % SEEDS)
    used = served.cpu_s()
    load(served.port, requests)
    return 1e3 * (served.cpu_s() - used) / len(requests)


def _uploaded(path: Path, targets: int, served: Served, turn: int) -> float:
    """With the last column as the target, or one of several in turn."""
    target = COLUMNS - 1 - turn % targets
    used = _seconds_of_all(served.pid)
    send_npy(served.port, path, f"/v1/datasets?targets={target}")
    return 1e3 * (_seconds_of_all(served.pid) - used)


def _seconds_of_all(pid: int) -> float:
    """Of a core, used so far by a process and all below it: the other checkout may count its own alone."""
    seconds, process = 0.0, psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            seconds += times.user + times.system
    return seconds


def kinds_of_work(folder: Path) -> dict[str, Ask]:
    """What is asked, by its name; a file for it is written into the folder."""
    path = folder / "table.npy"
    write_npy(path, UPLOADED)
    posted: dict[str, Callable[[int], list[bytes]]] = {
        "POST /v1/minima, distinct bodies": batch.singles,
        "64 problems a request, certified columns": lambda turn: batch.batches(turn, columns=batch.COLUMNS),
        "64 problems a request, full answers": batch.batches,
        "64 decay scales of one problem a request": batch.shared,
        "10^5 decays of one problem, npz": lambda turn: [batch.sweep(turn)],
    }
    found: dict[str, Ask] = {name: partial(_posted, bodies) for name, bodies in posted.items()}
    upload = f"upload of {UPLOADED:,} x {COLUMNS} in npy"
    found[upload] = partial(_uploaded, path, 1)
    found[f"{upload}, any column as target"] = partial(_uploaded, path, COLUMNS)
    return found


def compared(there: Served, here: Served, ask: Ask, rounds: int) -> Pair:
    """Ask both servers in turn, the first of a round changing; what the first request starts is no part of it."""
    pair = Pair([], [])
    for served in (there, here):
        ask(served, rounds)
    for turn in range(rounds):
        each = [(there, pair.there), (here, pair.here)]
        for served, took in each if turn % 2 else each[::-1]:
            took.append(ask(served, turn))
    return pair


def table_of(pairs: dict[str, Pair]) -> Table:
    """One line a kind of work."""
    table = Table("work", "there, ms", "here, ms", "ratio", "quartiles")
    for work, pair in pairs.items():
        ratios = pair.ratios()
        low, _, high = quantiles(ratios, n=4)
        table.add_row(
            work,
            f"{median(pair.there):.2f}",
            f"{median(pair.here):.2f}",
            f"{median(ratios):.2f}",
            f"{low:.2f} to {high:.2f}",
        )
    return table


def main(other: Path, rounds: int = ROUNDS, word: str = "") -> None:
    """Print the table; medians over the rounds."""
    with tempfile.TemporaryDirectory() as folder:
        work = {name: ask for name, ask in kinds_of_work(Path(folder)).items() if word in name}
        # each has a store of its own: what one has kept, the other must read, too
        apart = [{"MINIMA_DATABASE_URL": f"sqlite:///{folder}/{name}.db", "MINIMA_WORKERS": "0"} for name in "ab"]
        with serving(apart[0], other) as there, serving(apart[1]) as here:
            for served in (there, here):
                settled(served)
            pairs = {name: compared(there, here, ask, rounds) for name, ask in work.items()}
    Console(width=120).print(table_of(pairs))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int("".join(sys.argv[2:3]) or ROUNDS), "".join(sys.argv[3:4]))
