"""A certification as a job, with ``kill -9`` of its workers at random moments: the answer has the same bits.

``python -m evidence relu_kills --cases N`` plays so many rounds; ``--seconds N`` begins none after that time.
"""

import json
import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

import numpy as np

from tests.support.job_stacks import new_database, postgres, until
from tests.support.kill_worlds import WORKERS, Embedded

ROUNDS: Final = 20
SAMPLES: Final = 60
INPUTS: Final = 3
DECAY: Final = 0.01
ENDED_S: Final = 1200.0
WHOLE_S: Final = 120.0
LOOK_S: Final = 0.05
MOST_KILLS: Final = 3
LATER_S: Final = 0.5
"""Within which a worker is killed after a chunk was stored."""
LAST: Final = 0.95
"""Share of the chunks after which nobody is killed any more."""


@dataclass(frozen=True, slots=True)
class Played:
    """One round: seconds, chunks, and of each kill how many workers it hit and how many chunks were stored by then."""

    seconds: float
    chunks: int
    kills: list[tuple[int, int]]


class Served(Embedded):
    """One server with the operations of the service, and two workers."""

    def start(self) -> None:
        """Without the table of operations that the tests of jobs use."""
        del self.variables["MINIMA_JOB_TABLE"]
        super().start()

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[bytes, dict[str, str]]:
        """One request: the body of the answer, and its headers by their names in small letters."""
        sent = None if body is None else json.dumps(body).encode()
        address = f"http://127.0.0.1:{self.ports[0]}{path}"
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        request = Request(address, sent, {"content-type": "application/json", **named}, method=method)
        with urlopen(request, timeout=WHOLE_S) as answer:
            return answer.read(), {name.lower(): text for name, text in answer.headers.items()}


def report() -> str:
    """Certify once undisturbed, then under kills.

    Raises
    ------
    RuntimeError
        If a job does not succeed, or an answer differs.
    """
    rounds = int(os.environ.get("EVIDENCE_CASES", ROUNDS))
    ends = time.monotonic() + float(os.environ.get("EVIDENCE_SECONDS", "inf"))
    with tempfile.TemporaryDirectory(prefix="kills", dir="/tmp") as folder, postgres() as server:
        world = Served(Path(folder) / "world", new_database(server))
        try:
            first, answer = _played(world, [])
            print(f"undisturbed: {first.seconds:.1f} s", flush=True)
            found: list[Played] = []
            for seed in range(rounds):
                if time.monotonic() > ends:
                    break
                chance = random.Random(seed)
                # by the chunks that are stored: the clock of a busy machine would miss the job
                moments = sorted(chance.uniform(0.0, LAST * first.chunks) for _ in range(chance.randint(1, MOST_KILLS)))
                played, again = _played(world, moments, chance)
                print(seed, f"{played.seconds:.1f} s", played.kills, flush=True)
                if again != answer:
                    raise RuntimeError(f"round {seed}: the answer differs from the undisturbed one")
                found.append(played)
        finally:
            world.close()
    return _page(first, json.loads(answer), found)


def _played(world: Served, moments: list[float], chance: random.Random | None = None) -> tuple[Played, bytes]:
    """Run the job anew, kill workers when so many chunks are stored, and return what was answered."""
    began, waiting, kills = time.monotonic(), list(moments), []
    place = world.ask("POST", "/v1/relu-minima", _question(), Prefer="respond-async")[1]["location"]
    state: dict[str, Any] = {}

    def ended() -> bool:
        state.update(json.loads(world.ask("GET", place)[0]))
        if chance is not None and waiting and state["state"] == "running" and state["chunks_done"] >= waiting[0]:
            waiting.pop(0)
            time.sleep(chance.uniform(0.0, LATER_S))
            workers = world.workers(world.apis[0])
            hit = chance.sample(workers, min(len(workers), chance.choice((1, 1, 2))))
            for process in hit:
                process.kill()
            kills.append((len(hit), int(state["chunks_done"])))
        return state["state"] in ("successful", "failed", "dismissed")

    until(ended, ENDED_S, LOOK_S, show=lambda: state)
    seconds = time.monotonic() - began
    if state["state"] != "successful":
        raise RuntimeError(f"the job ended as {state}")
    answer = world.ask("GET", f"{place}/results")[0]
    # the next submission of the same question is a new job
    world.ask("DELETE", place)
    world.whole(WHOLE_S)
    return Played(seconds, int(state["chunks_done"]), kills), answer


def _question() -> dict[str, Any]:
    """A teacher of four ReLU units with a tenth of noise."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((SAMPLES, INPUTS))
    y = np.maximum(x @ rng.standard_normal((4, INPUTS)).T, 0.0) @ rng.standard_normal(4)
    y += 0.1 * y.std() * rng.standard_normal(SAMPLES)
    y /= y.std()
    layers = [
        {"width": 64, "activation": "relu", "weight_decay": DECAY / 2},
        {"width": 1, "weight_decay": DECAY / 2},
    ]
    return {
        "problem": {
            "network": {"layers": layers},
            "data": {"kind": "samples", "x": x.tolist(), "y": y.tolist()},
            "objective": {"convention": "half_mean"},
        }
    }


def _page(first: Played, answer: dict[str, Any], found: list[Played]) -> str:
    rows = [
        f"| {number} | {played.seconds:.1f} | "
        + "; ".join(f"{hit} after {done} chunks" for hit, done in played.kills)
        + " |"
        for number, played in enumerate(found, 1)
    ]
    killed = sum(hit for played in found for hit, _ in played.kills)
    gap, cones = answer["certificate"]["relative_gap"], answer["certificate"]["cones"]
    return "\n".join(
        [
            f"A ReLU network on {SAMPLES} samples of {INPUTS} inputs is certified as a job (`POST /v1/relu-minima`,",
            f"{cones:,} cones, gap {gap:.1e}) by {WORKERS} workers of one server, with PostgreSQL: undisturbed in",
            f"{first.seconds:.1f} s by the clock, {first.chunks} chunks, beside other work on the machine. Then it",
            f"ran {len(found)} times while workers were killed with `kill -9` at random moments, {killed} in all, one",
            "alone or both at once. Every job succeeded, and the body of its answer was the same, byte by byte, as",
            "that of the undisturbed run.",
            "",
            "| round | seconds | workers killed, and when |",
            "|---|---|---|",
            *rows,
        ]
    )
