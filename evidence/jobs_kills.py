"""Jobs under kills, in three deployments at a time.

``python -m evidence.jobs_kills ROUNDS SECONDS`` plays so many rounds, or as many as the time allows.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.support.job_stacks import Postgres
from tests.support.kill_rounds import CHUNKS, WORLDS, Round, play, world_of

ROUNDS: Final = 30
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
or folder more than at the start (`folder`). `python -m evidence.jobs_kills ROUNDS SECONDS` plays more.
"""


def report(rounds: int = ROUNDS, seconds: float = float("inf")) -> str:
    """Play rounds and count what went wrong.

    Raises
    ------
    RuntimeError
        If anything was lost, different, stuck or left behind.
    """
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="kills", dir="/tmp") as folder:
        server = Postgres(Path(folder) / "pg")
        try:
            with ThreadPoolExecutor(len(WORLDS)) as pool:
                shares = [range(1 + first, 1 + rounds, len(WORLDS)) for first in range(len(WORLDS))]
                runs = [
                    pool.submit(_played, world, seeds, Path(folder), None if world == "sqlite" else server, until)
                    for world, seeds in zip(WORLDS, shares, strict=True)
                ]
                played = [one for run in runs for one in run.result()]
        finally:
            server.close()
    wrong = [one for one in played if one.wrong]
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(played)} rounds: {wrong}")
    return _page(played)


def _played(name: str, seeds: Sequence[int], folder: Path, server: Postgres | None, until: float) -> list[Round]:
    """Play rounds in one deployment, or in a new one after a round that went wrong."""
    played: list[Round] = []
    while len(played) < len(seeds) and time.monotonic() < until:
        with world_of(name, folder / f"{name}-{len(played)}", server) as world:
            for seed in seeds[len(played) :]:
                if time.monotonic() > until:
                    break
                one = play(world, name, seed)
                played.append(one)
                print(name, seed, f"{one.seconds:.0f} s", one.kills, one.wrong, flush=True)
                if one.wrong:
                    break
    return played


def _page(played: Sequence[Round]) -> str:
    table = ["| deployment | rounds | killed | " + " | ".join(_FAULTS) + " |", "|" + "---|" * (3 + len(_FAULTS))]
    table.extend(_row(_NAMES[world], [one for one in played if one.world == world]) for world in WORLDS)
    table.append(_row("all", played))
    blows = Counter(victim for one in played for blow in one.kills for victim in _victims(blow))
    several = sum(" + " in blow for one in played for blow in one.kills)
    successors = sum("successors" in blow for one in played for blow in one.kills)
    named = ", ".join(f"{name} {count}" for name, count in blows.most_common())
    longest = max(one.seconds for one in played)
    return "\n".join(
        [
            _WHAT,
            *table,
            "",
            f"Blows by victim: {named}. {several} blows hit several at the same moment. In {successors} rounds",
            f"both workers were killed, and 15 s later their successors. The longest round took {longest:.0f} s,",
            "beside other work on the machine.",
        ]
    )


def _victims(blow: str) -> list[str]:
    return [victim for part in blow.split(" + ") for victim in part.split(", 50 ms later ")]


def _row(name: str, played: Sequence[Round]) -> str:
    faults = [str(sum(fault.startswith(what) for one in played for fault in one.wrong)) for what in _FAULTS]
    return f"| {name} | {len(played)} | {sum(one.killed for one in played)} | " + " | ".join(faults) + " |"


if __name__ == "__main__":
    from evidence.__main__ import write

    write("jobs_kills", *map(int, sys.argv[1:]))
