"""``python -m service.jobs``: the driver in a process of its own, which no request can starve.

The first line of standard input is the configuration.  Standard input stays open as long as the parent lives; at its
end the process stops.  Lines on standard output tell the parent that the driver turns and what it has done so far.
"""

import json
import logging
import os
import time
import uuid
from dataclasses import asdict
from threading import Event
from typing import Final

from service import logs
from service.errors import EngineError
from service.jobs.config import JobsConfig, refuse_sqlite_cluster
from service.jobs.driver.driver import Driver, DriverOptions
from service.jobs.driver.keeper import LeaseKeeper, Repeater
from service.jobs.driver.parent import Parent
from service.jobs.engines.dask_connection import Patience
from service.jobs.engines.dask_engine import DaskEngine
from service.jobs.engines.dask_pool import EmbeddedPool, Pool, RemotePool, TlsFiles
from service.jobs.engines.execution import load_table
from service.jobs.engines.fork_server import kill_fork_servers
from service.jobs.one_thread import hold_one_thread
from service.jobs.own_folder import remove_own
from service.jobs.store.database import Database
from service.jobs.store.drivers import DriverStore
from service.jobs.store.retention import Janitor
from service.version import ENGINE_VERSION

EXIT_REFUSED: Final = 3
_EXIT_STUCK: Final = 70
_REPORT_EVERY_S: Final = 0.5
_log: Final = logging.getLogger(__name__)


def open_pool(config: JobsConfig, workers: int) -> Pool:
    """Start the embedded pool or point at the scheduler."""
    if config.scheduler_address is None:
        return EmbeddedPool(workers, config.worker_memory or None, (config.table.partition(":")[0],))
    tls = None
    if config.tls_ca and config.tls_certificate and config.tls_key:
        tls = TlsFiles(config.tls_ca, config.tls_certificate, config.tls_key)
    return RemotePool(config.scheduler_address, tls, allow_insecure=config.allow_insecure_scheduler)


class DriverProcess:
    """Everything one driver process consists of, from start to stop.

    Parameters
    ----------
    config : JobsConfig
        What to run on.
    store_type : type of DriverStore
        Tests put a store in place that pauses between its statements.
    """

    def __init__(self, config: JobsConfig, store_type: type[DriverStore] = DriverStore) -> None:
        self._config: Final = config
        self._driver_id: Final = uuid.uuid4().hex
        self._began: Final = time.monotonic()
        self._database: Final = Database(config.database_url)
        self._janitor: Final = Janitor(
            self._database,
            config.retention_s,
            live_s=config.live_s,
            dataset_retention_s=config.dataset_retention_s,
        )
        self._stopping: Final = Event()
        patience = Patience(config.scheduler_silent_after_s, config.pool_short_after_s)
        self._engine: Final = DaskEngine(lambda: open_pool(config, self._share()), config.table, patience, _give_up)
        store = store_type(self._database, self._driver_id, ENGINE_VERSION, config.lease_s, config.retention_s)
        options = DriverOptions(max_losses=config.max_losses, max_jobs=config.jobs_at_once)
        self.driver: Final = Driver(store, self._engine, load_table(config.table), options)
        renewals = DriverStore(self._database, self._driver_id, ENGINE_VERSION, config.lease_s, config.retention_s)
        self._keeper: Final = LeaseKeeper(
            self.driver, renewals, config.lease_s / 4, config.stuck_after_s, lambda: os._exit(_EXIT_STUCK)
        )

    def run(self) -> None:
        """Drive until `stop`."""
        repeaters = [
            Repeater("beat", self._config.beat_s, self._beat),
            Repeater("garbage", self._config.collect_every_s, self._janitor.collect),
        ]
        self._keeper.start()
        reported: dict[str, object] = {}
        reported_at = 0.0
        while not self._stopping.is_set():
            self.driver.turn()
            news: dict[str, object] = {"tally": self.driver.tally(), "pool": asdict(self._engine.census())}
            if news != reported or time.monotonic() - reported_at > _REPORT_EVERY_S:
                reported, reported_at = news, time.monotonic()
                print(json.dumps(reported), flush=True)  # noqa: T201 - the parent reads it
        self._keeper.stop()
        for repeater in repeaters:
            repeater.stop()
        self._engine.close()
        self._leave()

    def stop(self) -> None:
        """Leave after the current turn."""
        self._stopping.set()

    def _beat(self) -> None:
        # A driver that was killed still seems to live for a while; only one that outlasts that is a second replica.
        if time.monotonic() - self._began > self._config.live_s + self._config.beat_s:
            self._refuse_a_second_replica()
        self._janitor.beat(self._driver_id, ENGINE_VERSION, self._engine.workers(), embedded=self._config.embedded)
        self._engine.resize(self._share())

    def _refuse_a_second_replica(self) -> None:
        others = self._janitor.others(self._driver_id)
        try:
            refuse_sqlite_cluster(self._config, others)
        except EngineError as error:
            _log.error("%s", error)
            os._exit(EXIT_REFUSED)

    def _share(self) -> int:
        """Divide the cores among the replicas with a pool of their own on this machine."""
        try:
            neighbours = self._janitor.neighbours(self._driver_id)
        except EngineError:
            neighbours = 0
        return max(1, self._config.pool_size // (1 + neighbours))

    def _leave(self) -> None:
        try:
            self._janitor.leave(self._driver_id)
        except EngineError:
            _log.info("the store is away; it will notice the absence by itself")
        self._database.close()


def _give_up(error: Exception) -> None:
    kill_fork_servers()
    # A refusal is for the operator to mend; anything else may go better in a fresh process.
    os._exit(EXIT_REFUSED if isinstance(error, EngineError) else 1)


def main(configuration: str, parent: Parent) -> None:
    """Run the driver of a configuration until its parent has gone."""
    config = JobsConfig.from_json(configuration)
    logs.take_over(config.log_level, config.log_format)
    hold_one_thread("driver")
    process = DriverProcess(config)
    parent.when_gone(process.stop)
    process.run()
    remove_own()
    # Threads of the pool's library may linger; everything that matters is stored.
    os._exit(0)
