"""The jobs floor as the floors above see it: one object that is started, asked and stopped."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from service.errors import EngineError, InputError
from service.jobs.config import JobsConfig, refuse_insecure
from service.jobs.driver.seen import DriverView
from service.jobs.driver.supervisor import Supervisor
from service.jobs.engines.engine import PoolCensus
from service.jobs.engines.execution import load_table
from service.jobs.kind import KindTable
from service.jobs.seal import seal_of
from service.jobs.store.callers import JobStore
from service.jobs.store.database import FULL, Database
from service.jobs.store.datasets import DatasetStore
from service.jobs.store.migrate import migrate
from service.jobs.values import Job, Json, Submission
from service.operations.plans.plan import Plan
from service.version import ENGINE_VERSION

_log: Final = logging.getLogger(__name__)


class JobService:
    """Store and driver of one replica.

    Parameters
    ----------
    config : JobsConfig
        Where truth lives and compute runs.
    drive : bool
        False for a replica that only serves reads and submissions.
    driver : DriverView, optional
        The driver of this replica where another of its processes keeps it.

    Raises
    ------
    EngineError
        If the scheduler's address is not safe.
    """

    def __init__(self, config: JobsConfig, *, drive: bool = True, driver: DriverView | None = None) -> None:
        if config.scheduler_address is not None:
            refuse_insecure(config.scheduler_address, allow_insecure=config.allow_insecure_scheduler)
        self._config: Final = config
        self._database: Final = Database(config.database_url, prepare=migrate)
        own = Supervisor(config) if drive and driver is None else None
        self._supervisor: Final[DriverView | None] = own or driver
        self.datasets: Final = DatasetStore(self._database, config.dataset_retention_s)
        self.store: Final = JobStore(self._database, ENGINE_VERSION, config.queue_limit, config.retention_s)

    def start(self) -> None:
        """Bring the schema up to date and start the driver beside; a store that is away is tried again later."""
        if self._supervisor is None:
            return
        try:
            self._database.ensure_prepared()
        except EngineError as error:
            _log.warning("%s", error.detail)
        self._supervisor.start()

    def stop(self) -> None:
        """Stop the driver and give connections back."""
        if self._supervisor is not None:
            self._supervisor.stop()
        self._database.close()

    def driver_pid(self) -> int | None:
        """Return the process that drives, for logs and tests."""
        return None if self._supervisor is None else self._supervisor.pid

    def store_trouble(self) -> str | None:
        """Ask the store now, and say what is wrong with it, if anything is."""
        try:
            self.store.active()
        except EngineError as error:
            return error.detail
        return FULL if self._database.full else None

    @property
    def driver_alive(self) -> bool | None:
        """Whether the driver has been heard of lately; None where this replica computes no jobs."""
        return None if self._supervisor is None else self._supervisor.alive

    def pool(self) -> PoolCensus:
        """Tell of the workers that this replica's driver sees; none where this replica computes no jobs."""
        return PoolCensus(0) if self._supervisor is None else self._supervisor.pool()

    def tally(self) -> Mapping[str, int]:
        """Count what the drivers of this replica have done; see `Driver.tally`."""
        return {} if self._supervisor is None else self._supervisor.tally()

    @property
    def table(self) -> KindTable:
        """The kinds of jobs by the operation they are of."""
        return load_table(self._config.table)

    def plan(self, operation: str, request: Mapping[str, Json]) -> Plan:
        """Build the plan of a request, which refuses what is too large before anything starts."""
        return self.table[operation].plan(request)

    def submit(self, submission: Submission, plan: Plan | None = None) -> tuple[Job, bool]:
        """Check and store a question with the seal of its plan; see `JobStore.submit`.

        Parameters
        ----------
        submission : Submission
        plan : Plan, optional
            The one that was priced, and so accepted, already; it is made here where there is none.

        Raises
        ------
        InputError
            If the operation is unknown, or the plan refuses the request.
        """
        if submission.operation not in self.table:
            raise InputError.at(("operation",), "is not an operation that runs as a job")
        if plan is None:
            plan = self.plan(submission.operation, submission.request)
        limit = min(submission.time_limit_s, self._config.time_limit_s)
        cost = plan.cost_s or submission.cost_estimate_s
        return self.store.submit(replace(submission, time_limit_s=limit, cost_estimate_s=cost, seal=seal_of(plan)))

    def wait(self, identity: str, tenant: str, seconds: float) -> Job:
        """Return the job once it has ended, or as it is after so many seconds."""
        deadline = time.monotonic() + seconds
        pause = 0.005
        while True:
            job = self.store.get(identity, tenant)
            left = deadline - time.monotonic()
            if job.ended or left <= 0:
                return job
            time.sleep(min(pause, left))
            pause = min(0.1, 1.5 * pause)
