"""Stores and pools of both kinds, each PostgreSQL test with a database of its own; servers of one and two workers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from service.jobs.store.database import Database
from service.jobs.store.migrate import migrate
from service.settings import Settings
from tests.serving import serving
from tests.support.job_stacks import new_database, postgres


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    with postgres() as uri:
        yield uri


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.db"
    return new_database(request.getfixturevalue("postgres_uri"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate(database)
    yield database
    database.close()


@pytest.fixture(scope="package")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[str]]:
    """A server with one worker and a server with two."""
    folders = [tmp_path_factory.mktemp("heavy") for _ in range(2)]
    one, two = (
        Settings(database_url=f"sqlite:///{folder}/jobs.db", workers=workers, log_level="error")
        for workers, folder in enumerate(folders, 1)
    )
    with serving(one) as first, serving(two) as second:
        yield first, second
