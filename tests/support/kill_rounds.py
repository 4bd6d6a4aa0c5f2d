"""Rounds of kills: a job runs, processes are killed, and nothing may be lost, different, stuck or left behind."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no annotations

from service.jobs.values import JobState, Submission
from tests.support.job_operations import OPERATIONS, run_question
from tests.support.job_stacks import Postgres, new_database, until
from tests.support.kill_worlds import Cluster, Embedded, Root, World

TENANT = "anonymous"
CHUNKS = 30
ENDED_S = 120.0
WHOLE_S = 90.0
CLEAN_S = 40.0
SUCCESSOR_S = 15.0
SUCCESSOR_EVERY = 25
WORLDS = ("sqlite", "postgresql", "cluster")


@dataclass
class Round:
    """What one round did, and what it found wrong.

    Attributes
    ----------
    kills : list of str
        Who was killed, in order.
    wrong : list of str
        Among ``lost``, ``different``, ``stuck``, ``pool``, ``orphan``, ``folder``, each with what was seen.
    """

    world: str
    seed: int
    kills: list[str] = field(default_factory=list)
    killed: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Killer:
    """Kills what a round wants to see dead, and starts again what an operator's supervisor would."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world, self._chance = world, chance
        self._api = chance.choice(world.apis)
        self._ended: list[Root] = []
        self.killed = 0

    def victims(self) -> dict[str, Callable[[], None]]:
        """Ways to kill by name; in a world without a scheduler of its own the driver's process holds it."""
        world, api = self._world, self._api
        found: dict[str, Callable[[], None]] = {
            "worker": lambda: self._kill(self._some(world.workers(api), 1)),
            "workers": lambda: self._kill(world.workers(api)),
            "driver": lambda: self._kill(world.drivers(api)),
            "fork server": lambda: self._kill(world.fork_servers(api)),
            "API": lambda: self._end(api),
        }
        if isinstance(world, Cluster):
            found["scheduler"] = lambda: self._end(world.scheduler)
            found["machine"] = lambda: self._end(world.machine)
        return found

    def revive(self) -> None:
        """Start again every root that was killed."""
        while self._ended:
            self._ended.pop().revive()

    def _some(self, processes: list[psutil.Process], count: int) -> list[psutil.Process]:
        return self._chance.sample(processes, min(count, len(processes)))

    def _kill(self, processes: list[psutil.Process]) -> None:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                self.killed += 1

    def _end(self, root: Root) -> None:
        root.process.kill()
        self._ended.append(root)
        self.killed += 1


def play(world: World, name: str, seed: int) -> Round:
    """Play one round in a world that is whole, and leave it whole."""
    began = time.monotonic()
    chance = random.Random(seed)
    result = Round(name, seed)
    killer = Killer(world, chance)
    request = {"chunks": CHUNKS, "sleep_s": 0.04, "seed": seed}
    job, _ = world.store.submit(Submission("count", request))
    if seed % SUCCESSOR_EVERY == 0:
        _kill_the_successor(world, killer, result)
    else:
        _kill_some(killer, chance, result)
    result.killed = killer.killed
    with _noting(result, "stuck"):
        until(lambda: world.store.get(job.id, TENANT).ended, ENDED_S, show=lambda: world.store.get(job.id, TENANT))
        final = world.store.get(job.id, TENANT)
        if (final.state, final.chunks_done, final.chunks_total) != (JobState.SUCCESSFUL, CHUNKS, CHUNKS):
            result.wrong.append(f"lost: {final.state}, {final.chunks_done} chunks, {final.error}")
        elif [step.index for step in world.store.partial(job.id, TENANT)[1]] != list(range(CHUNKS)):
            result.wrong.append("lost: stored chunks")
        elif world.store.result(job.id, TENANT)[1].body != _undisturbed(request):
            result.wrong.append("different")
    with _noting(result, "pool"):
        world.whole(WHOLE_S)
    with _noting(result, "orphan"):
        until(lambda: not world.strays(), CLEAN_S, 0.25, show=world.strays)
    with _noting(result, "folder"):
        until(lambda: not world.litter(), CLEAN_S, 0.25, show=world.litter)
    result.seconds = time.monotonic() - began
    return result


def _kill_some(killer: Killer, chance: random.Random, result: Round) -> None:
    """One to three blows, each of one process or of several in the same moment or 50 ms apart."""
    for _ in range(chance.randint(1, 3)):
        time.sleep(chance.uniform(0.02, 0.5))
        victims = killer.victims()
        struck = chance.sample(sorted(victims), chance.choice((1, 1, 1, 2, 2, 3)))
        apart = chance.choice((0.0, 0.0, 0.05))
        for victim in struck:
            victims[victim]()
            time.sleep(apart)
        result.kills.append((" + " if apart == 0.0 else ", 50 ms later ").join(struck))
        time.sleep(chance.choice((0.0, 0.0, 0.3, 1.0)))
        killer.revive()


def _kill_the_successor(world: World, killer: Killer, result: Round) -> None:
    """The rare failure of old: a nanny was closed if its worker was away 15 s after another one was."""
    first = {process.pid for process in world.workers(world.apis[0])}
    killer.victims()["workers"]()
    since = time.monotonic()
    until(lambda: {p.pid for p in world.workers(world.apis[0])} - first, WHOLE_S)
    time.sleep(max(0.0, SUCCESSOR_S - (time.monotonic() - since)))
    killer.victims()["workers"]()
    result.kills.append("workers, and their successors 15 s later")


@contextlib.contextmanager
def _noting(result: Round, what: str) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        result.wrong.append(f"{what}: {error}")


def _undisturbed(request: Mapping[str, object]) -> bytes:
    return run_question(OPERATIONS["count"], {**request, "sleep_s": 0.0}).body


@contextlib.contextmanager
def world_of(name: str, folder: Path, server: Postgres | None) -> Iterator[World]:
    """A deployment of a kind; PostgreSQL where the kind needs it."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder}/jobs.db" if server is None else new_database(server.uri)
    world = Cluster(folder, url) if name == "cluster" else Embedded(folder, url)
    try:
        yield world
    finally:
        world.close()
