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


@pytest.fixture(scope="session")
def migrated(postgres_uri: str) -> str:
    """A database with the tables in it, to be copied."""
    url = new_database(postgres_uri)
    database = Database(url)
    migrate(database)
    database.close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_kind(request: pytest.FixtureRequest) -> str:
    """Of store."""
    return str(request.param)


@pytest.fixture
def database_url(store_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing is yet."""
    if store_kind == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.db"
    return new_database(request.getfixturevalue("postgres_uri"))


@pytest.fixture
def database(store_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """With tables."""
    if store_kind == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/jobs.db")
        migrate(database)
    else:
        uri, template = (request.getfixturevalue(name) for name in ("postgres_uri", "migrated"))
        database = Database(new_database(uri, template))
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
