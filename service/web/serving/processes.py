"""Several HTTP processes at one socket, with one driver of jobs and metrics that add up.

uvicorn's supervisor starts, watches and replaces the processes. The driver, and the folder in which metrics add up, are
kept by the process above them.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service import logs
from service.errors import EngineError, ServiceError
from service.jobs.driver.seen import DriverReports, DriverSeen, DriverView
from service.jobs.driver.supervisor import Supervisor
from service.jobs.from_settings import jobs_config
from service.jobs.own_folder import OwnFolder
from service.settings import Settings
from service.web.observation.metrics import FOLDER_VARIABLE
from service.web.serving.server import server_config

READY_WITHIN_S: Final = 300
"""In which a successor must serve, or its predecessor stays."""
STUCK_S: Final = 60
"""Of silence, after which a process is replaced."""
LOOK_EVERY_S: Final = 0.5


def serve_in_processes(
    settings: Settings, count: int, listener: socket.socket, reload: Callable[[], Settings | None]
) -> bool:
    """Serve until a signal ends it; False if a process could not start.

    Parameters
    ----------
    settings : Settings
    count : int
        HTTP processes.
    listener : socket.socket
        It listens, and all processes accept at it.
    reload : callable
        The settings as they are on SIGHUP; None to leave everything as it is.
    """
    with _shared_folder() as folder:
        # the library reads it when it is imported, in the processes to come
        os.environ[FOLDER_VARIABLE] = str(folder)
        file = folder / "driver.json"
        driver = DriverReports(_driver(settings), file)
        driver.start()
        try:
            processes = HttpProcesses(_config(settings, count, file), listener)
            processes.when_hung_up(partial(_reload, processes, driver, count, file, reload))
            processes.run()
        finally:
            driver.stop()
        return all(process.exitcode != STARTUP_FAILURE for process in processes.processes)


@contextmanager
def _shared_folder() -> Iterator[Path]:
    """A folder for what the processes tell each other; the next server removes it if this one is killed."""
    folder = OwnFolder.make()
    if folder is None:
        raise EngineError(f"no folder for several processes can be made in {tempfile.gettempdir()}")
    try:
        yield folder.path
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)
        os.close(folder.lock)


class HttpProcesses(Multiprocess):
    """uvicorn's supervisor, with another meaning of SIGHUP: the settings are read anew first."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config, [listener])
        self._hung_up: Callable[[], None] = self.restart_all

    def when_hung_up(self, call: Callable[[], None]) -> None:
        """Say what SIGHUP does."""
        self._hung_up = call

    def handle_hup(self) -> None:
        """Do it; uvicorn calls this."""
        self._hung_up()


def _reload(
    processes: HttpProcesses, driver: DriverReports, count: int, file: Path, reload: Callable[[], Settings | None]
) -> None:
    """Replace one HTTP process after the other, each when its successor serves, and then the driver."""
    settings = reload()
    if settings is None:
        return
    logs.configure(settings.log_level, settings.log_format)
    processes.config = _config(settings, count, file)
    # uvicorn has one time for both
    processes.config.timeout_worker_healthcheck = READY_WITHIN_S
    processes.restart_all()
    processes.config.timeout_worker_healthcheck = STUCK_S
    if not processes.should_exit.is_set():
        driver.replace(_driver(settings))


def _config(settings: Settings, count: int, file: Path) -> uvicorn.Config:
    made = partial(_app, settings, None if settings.workers == 0 else file, os.getpid())
    return server_config(made, settings, workers=count, factory=True, timeout_worker_healthcheck=STUCK_S)


def _driver(settings: Settings) -> DriverView | None:
    return None if settings.workers == 0 else Supervisor(jobs_config(settings))


def _app(settings: Settings, file: Path | None, parent: int) -> FastAPI:
    """The app of one HTTP process."""
    logs.take_over(settings.log_level, settings.log_format)
    # the process above is asked to reload, and asks this one to end
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()
    from service.web.app import create_app  # noqa: PLC0415 - the process above serves no requests and needs no routes

    try:
        return create_app(settings, None if file is None else DriverSeen(file))
    except ServiceError as error:
        structlog.get_logger("service.web").critical(error.detail)
        # the next one would fail in the same way
        sys.exit(STARTUP_FAILURE)
    except Exception:  # noqa: BLE001 - whatever it is, the log has it, and the process above tries again
        structlog.get_logger("service.web").exception("an HTTP process could not start")
        sys.exit(1)


def _end_with(parent: int) -> None:
    """End this process in good order when the one above it was killed."""
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
