"""This checkout against another, ``python -m benchmarks.paired FOLDER [ROUNDS]``: one server of each, asked in turn.

A round sends the same requests to both.  What counts is the time of a core that each server used for them, and the
ratio of the two in each round: a machine that slows down from one minute to the next slows both.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks import batch
from benchmarks.load import load
from benchmarks.server import Served, serving, settled

ROUNDS: Final = 30
SEEDS: Final = 7
"""Rounds after which the same bodies come again."""
WORK: Final[dict[str, Callable[[int], list[bytes]]]] = {
    "POST /v1/minima, distinct bodies": batch.singles,
    "64 problems a request, certified columns": lambda turn: batch.batches(turn, columns=batch.COLUMNS),
    "64 problems a request, full answers": batch.batches,
    "64 decay scales of one problem a request": batch.shared,
    "10^5 decays of one problem, npz": lambda turn: [batch.sweep(turn)],
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Milliseconds of a core that a request took there and here, round by round."""

    there: list[float]
    here: list[float]

    def ratios(self) -> list[float]:
        """Here over there in each round: above one this checkout is slower."""
        return [mine / theirs for theirs, mine in zip(self.there, self.here, strict=True)]


def compared(there: Served, here: Served, bodies: Callable[[int], list[bytes]], rounds: int) -> Pair:
    """Ask both servers in turn, the first of a round changing."""
    pair = Pair([], [])
    for turn in range(rounds):
        requests = bodies(turn % SEEDS)
        each = [(there, pair.there), (here, pair.here)]
        for served, took in each if turn % 2 else each[::-1]:
            used = served.cpu_s()
            load(served.port, requests)
            took.append(1e3 * (served.cpu_s() - used) / len(requests))
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


def main(other: Path, rounds: int = ROUNDS) -> None:
    """Print the table; medians over the rounds."""
    with serving(folder=other) as there, serving() as here:
        for served in (there, here):
            settled(served)
        pairs = {work: compared(there, here, bodies, rounds) for work, bodies in WORK.items()}
    Console(width=120).print(table_of(pairs))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *map(int, sys.argv[2:]))
