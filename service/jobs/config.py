"""What the jobs floor must know; settings are mapped to it, and it travels to the driver's process as JSON."""

import ipaddress
import json
import os
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlsplit

from service.errors import EngineError

DEFAULT_TABLE: Final = "service.jobs.kinds:KINDS"


@dataclass(frozen=True, slots=True)
class JobsConfig:
    """Where truth lives, where compute runs, and the limits.

    Attributes
    ----------
    database_url : str
        ``sqlite:///path`` or ``postgresql://...``.
    scheduler_address : str or None
        ``tcp://`` or ``tls://``; None for the embedded pool.
    workers : int
        Size of the embedded pool; 0 for one a core.
    worker_memory : int
        Bytes after which an embedded worker is stopped; 0 for its share of the machine.
    table : str
        ``module:NAME`` of the table of operations, the same on every machine.
    lease_s : float
        How long a replica may be silent before another continues its jobs.
    stuck_after_s : float
        How long a driver may be silent before it is replaced.
    start_s : float
        How long a driver may take to be heard of for the first time.
    scheduler_silent_after_s : float
        How long a scheduler may be silent before a driver connects anew.
    pool_short_after_s : float
        How long an embedded pool may miss workers before its driver is replaced.
    beat_s : float
        How often a driver records that it is alive; after three missing records it counts as gone.
    """

    database_url: str
    scheduler_address: str | None = None
    allow_insecure_scheduler: bool = False
    tls_ca: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    workers: int = 0
    worker_memory: int = 0
    table: str = DEFAULT_TABLE
    lease_s: float = 5.0
    stuck_after_s: float = 20.0
    start_s: float = 60.0
    scheduler_silent_after_s: float = 10.0
    pool_short_after_s: float = 180.0
    max_losses: int = 3
    retention_s: float = 7 * 86400.0
    dataset_retention_s: float = 30 * 86400.0
    collect_every_s: float = 60.0
    beat_s: float = 2.0
    queue_limit: int = 10_000
    jobs_at_once: int = 16
    time_limit_s: float = 86400.0
    log_level: str = "warning"
    log_format: str = "console"

    @property
    def live_s(self) -> float:
        """Seconds for which a driver counts as there after it was last heard of."""
        return 3.0 * self.beat_s

    @property
    def embedded(self) -> bool:
        """Whether the pool is this replica's own."""
        return self.scheduler_address is None

    @property
    def pool_size(self) -> int:
        """Workers of an embedded pool that has the machine for itself."""
        if self.workers:
            return self.workers
        # Absent beyond Linux, where a process may run on every core.
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1

    def to_json(self) -> str:
        """Serialise for the driver's process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "JobsConfig":
        """Invert `to_json`."""
        return cls(**json.loads(text))


def refuse_sqlite_cluster(config: JobsConfig, other_drivers: int) -> None:
    """Raise `EngineError` for several replicas that share a scheduler but keep the truth in a file."""
    if config.database_url.startswith("sqlite") and not config.embedded and other_drivers:
        raise EngineError(
            "a SQLite store serves one replica only when the scheduler is remote;"
            " set MINIMA_DATABASE_URL to a PostgreSQL database to run several"
        )


def refuse_insecure(address: str, *, allow_insecure: bool) -> None:
    """Raise `EngineError` for a scheduler that is neither loopback nor TLS, unless that is allowed."""
    parts = urlsplit(address)
    if parts.scheme not in {"tcp", "tls"} or parts.hostname is None:
        raise EngineError("a scheduler's address is tcp://host:port or tls://host:port")
    if parts.scheme == "tls" or allow_insecure or _is_loopback(parts.hostname):
        return
    raise EngineError(
        "a scheduler beyond this machine needs tls://, because an open Dask port lets anyone run code;"
        " MINIMA_ALLOW_INSECURE_SCHEDULER=1 overrides this on a network that you trust"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
