import pytest

from service.errors import EngineError
from service.jobs.config import JobsConfig, refuse_insecure, refuse_sqlite_cluster
from service.jobs.service import JobService

SQLITE = "sqlite:////nowhere/jobs.db"


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://[::1]:1", "tcp://localhost:1", "tls://pool:8786"])
def test_safe_schedulers_are_taken(address: str) -> None:
    refuse_insecure(address, allow_insecure=False)


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.1:8786", "tcp://scheduler:8786", "tcp://0.0.0.0:8786", "http://[::1]"]
)
def test_open_schedulers_are_refused_before_anything_starts(address: str) -> None:
    with pytest.raises(EngineError):
        JobService(JobsConfig(SQLITE, scheduler_address=address))


def test_the_operator_may_insist() -> None:
    refuse_insecure("tcp://10.0.0.1:8786", allow_insecure=True)


@pytest.mark.parametrize(
    ("url", "address", "others", "refused"),
    [
        (SQLITE, "tcp://localhost:1", 1, True),
        (SQLITE, "tcp://localhost:1", 0, False),
        (SQLITE, None, 1, False),
        ("postgresql://host/db", "tcp://localhost:1", 3, False),
    ],
)
def test_sqlite_serves_one_replica_of_a_remote_pool(url: str, address: str | None, others: int, refused: bool) -> None:
    config = JobsConfig(url, scheduler_address=address)
    if not refused:
        refuse_sqlite_cluster(config, others)
        return
    with pytest.raises(EngineError, match="MINIMA_DATABASE_URL"):
        refuse_sqlite_cluster(config, others)


def test_it_travels_as_json() -> None:
    config = JobsConfig(SQLITE, workers=3, lease_s=1.5)
    assert JobsConfig.from_json(config.to_json()) == config
    assert config.pool_size == 3
    assert JobsConfig(SQLITE).pool_size >= 1
