"""Ten rounds of kills in three deployments; `python -m evidence.jobs_kills` plays more of them."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.job_stacks import Postgres
from tests.support.kill_rounds import play, world_of

ROUNDS = {"sqlite": (1, 2, 3, 4), "postgresql": (5, 6, 7), "cluster": (8, 9, 10)}


@pytest.mark.parametrize(("name", "seeds"), ROUNDS.items(), ids=ROUNDS)
def test_kill_rounds_lose_and_leave_nothing(name: str, seeds: Sequence[int]) -> None:
    # Sockets need a short path.
    with TemporaryDirectory(prefix="kill", dir="/tmp") as folder:
        server = None if name == "sqlite" else Postgres()
        try:
            with world_of(name, Path(folder) / "w", server) as world:
                for seed in seeds:
                    played = play(world, name, seed)
                    assert not played.wrong, played
        finally:
            if server is not None:
                server.close()
