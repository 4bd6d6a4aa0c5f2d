"""Jobs under kills, in three deployments at a time.

``python -m evidence.jobs_kills ROUNDS SECONDS [STATE]`` plays so many rounds, or as many as the time allows.  With a
file for what has been played it goes on where it stopped, and its page counts the rounds of all runs.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Final, Self

from service.version import ENGINE_VERSION
from tests.support.job_stacks import Postgres
from tests.support.kill_rounds import CHUNKS, WORLDS, Round, play, world_of

ROUNDS: Final = 30
_VICTIMS: Final = ("worker", "workers", "driver", "fork server", "API", "scheduler", "machine")
_FAULTS: Final = ("lost", "different", "stuck", "pool", "orphan", "folder")
_NAMES: Final = {
    "sqlite": "one server, own pool, SQLite",
    "postgresql": "one server, own pool, PostgreSQL",
    "cluster": "two servers, cluster behind TLS, PostgreSQL",
}

_WHAT: Final = f"""\
In each round a job of {CHUNKS} chunks runs on two workers while processes are killed with `kill -9`: one to three blows
at random moments, each of one victim, or of two or three at the same moment or 50 ms apart. What an operator's
supervisor would start again is started again; the rest has to heal. `workers` are both at once, `machine` is what keeps
the workers of a cluster. Afterwards the job must have ended, with each chunk stored once (`lost`), and with the bits of
the same plan in one process (`different`); nothing may wait for ever (`stuck`); `/readyz` of each server must count two
living workers again (`pool`); no process may be left that no living root has started (`orphan`), and no temporary file
or folder more than at the start (`folder`). `python -m evidence.jobs_kills ROUNDS SECONDS STATE` plays more, and goes
on where it stopped.
"""


class Kept:
    """Rounds that were played, in a file with a line for each, or for this run alone.

    Rounds of another engine do not count.  One that went wrong is played again, and the page names it.
    """

    def __init__(self, rounds: Sequence[Round], file: Path | None) -> None:
        self.rounds: Final = list(rounds)
        self._file: Final = file
        self._lock: Final = Lock()

    @classmethod
    def read(cls, file: Path | None) -> Self:
        """What earlier runs have left in a file."""
        lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else []
        told = [json.loads(line) for line in lines]
        return cls([Round(**one["round"]) for one in told if one["engine"] == ENGINE_VERSION], file)

    def add(self, played: Round) -> None:
        """Note one more."""
        with self._lock:
            self.rounds.append(played)
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"engine": ENGINE_VERSION, "round": asdict(played)}) + "\n")

    def mended(self) -> list[Round]:
        """Rounds that went wrong, and did not when they were played again."""
        last = {(one.world, one.seed): one for one in self.rounds}
        return [one for one in self.rounds if one.wrong and not last[one.world, one.seed].wrong]

    def counted(self) -> list[Round]:
        """All other rounds."""
        mended = self.mended()
        return [one for one in self.rounds if one not in mended]

    def missing(self, world: str, rounds: int) -> list[int]:
        """Seeds that were not played yet in a world, of its share of so many rounds."""
        played = {one.seed for one in self.counted() if one.world == world and not one.wrong}
        return [seed for seed in range(1 + WORLDS.index(world), 1 + rounds, len(WORLDS)) if seed not in played]


def report(rounds: int = ROUNDS, seconds: float = float("inf"), state: Path | None = None) -> str:
    """Play rounds and count what went wrong.

    Raises
    ------
    RuntimeError
        If anything was lost, different, stuck or left behind.
    """
    until = time.monotonic() + seconds
    kept = Kept.read(state)
    with tempfile.TemporaryDirectory(prefix="kills", dir="/tmp") as folder:
        server = Postgres()
        try:
            with ThreadPoolExecutor(len(WORLDS)) as pool:
                runs = [
                    pool.submit(
                        _play,
                        world,
                        kept.missing(world, rounds),
                        Path(folder),
                        None if world == "sqlite" else server,
                        until,
                        kept,
                    )
                    for world in WORLDS
                ]
                for run in runs:
                    run.result()
        finally:
            server.close()
    wrong = [one for one in kept.counted() if one.wrong]
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(kept.rounds)} rounds: {wrong}")
    return _page(kept.counted(), kept.mended())


def _play(name: str, seeds: Sequence[int], folder: Path, server: Postgres | None, until: float, kept: Kept) -> None:
    """Play rounds in one deployment, or in a new one after a round that went wrong."""
    waiting = list(seeds)
    while waiting and time.monotonic() < until:
        with world_of(name, folder / f"{name}-{len(waiting)}", server) as world:
            while waiting and time.monotonic() < until:
                seed = waiting.pop(0)
                one = play(world, name, seed)
                kept.add(one)
                print(name, seed, f"{one.seconds:.0f} s", one.kills, one.wrong, flush=True)
                if one.wrong:
                    break


def _page(played: Sequence[Round], mended: Sequence[Round]) -> str:
    table = ["| deployment | rounds | killed | " + " | ".join(_FAULTS) + " |", "|" + "---|" * (3 + len(_FAULTS))]
    table.extend(_row(_NAMES[world], [one for one in played if one.world == world]) for world in WORLDS)
    table.append(_row("all", played))
    blows = Counter(victim for one in played for blow in one.kills for victim in _victims(blow))
    several = sum(" + " in blow for one in played for blow in one.kills)
    successors = sum("successors" in blow for one in played for blow in one.kills)
    named = ", ".join(f"{name} {count}" for name, count in blows.most_common() if name in _VICTIMS)
    taken = sum(one.seconds for one in played)
    longest = max(one.seconds for one in played)
    return "\n".join(
        [
            _WHAT,
            *table,
            "",
            f"Blows by victim: {named}.",
            f"{several} blows hit several at the same moment. In {successors} rounds both workers were killed, and",
            f"15 s later their successors. The rounds took {taken:.0f} s, three deployments at a time, the longest",
            f"{longest:.0f} s, beside other work on the machine.",
            *_again(mended),
        ]
    )


def _again(mended: Sequence[Round]) -> list[str]:
    """What had gone wrong before a fault was mended, so that no reader takes the table for the first try."""
    if not mended:
        return []
    return [
        "",
        f"{len(mended)} rounds had gone wrong before. What they had found was mended, and they were played again with",
        "the same seeds; the table counts them as they went then.",
        "",
        "| deployment | seed | blows | wrong at first |",
        "|---|---|---|---|",
        *(
            f"| {_NAMES[one.world]} | {one.seed} | {'; '.join(one.kills)} | "
            f"{', '.join(fault.partition(':')[0] for fault in one.wrong)} |"
            for one in mended
        ),
    ]


def _victims(blow: str) -> list[str]:
    return [victim for part in blow.split(" + ") for victim in part.split(", 50 ms later ")]


def _row(name: str, played: Sequence[Round]) -> str:
    faults = [str(sum(fault.startswith(what) for one in played for fault in one.wrong)) for what in _FAULTS]
    return f"| {name} | {len(played)} | {sum(one.killed for one in played)} | " + " | ".join(faults) + " |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evidence.jobs_kills", description=__doc__)
    parser.add_argument("rounds", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("state", type=Path, nargs="?")
    return parser.parse_args()


if __name__ == "__main__":
    from evidence.__main__ import write

    asked = _arguments()
    write("jobs_kills", asked.rounds, asked.seconds, asked.state)
