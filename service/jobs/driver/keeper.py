"""Threads beside the driver that compute nothing: one renews leases and watches, one keeps the store tidy."""

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from service.errors import EngineError
from service.jobs.driver.driver import Driver
from service.jobs.store.drivers import DriverStore

_log: Final = logging.getLogger(__name__)


class LeaseKeeper:
    """Renews the driver's leases while the driver turns, and reports it when it no longer does.

    Parameters
    ----------
    driver : Driver
        Whose claims to renew.
    store : DriverStore
        With connections of its own, so that a busy driver cannot hold them.
    every_s : float
        A quarter of a lease is a good choice.
    stuck_after_s : float
        A turn that takes longer ends the driver.
    on_stuck : callable
        What ends it; nothing is renewed afterwards.
    """

    def __init__(
        self, driver: Driver, store: DriverStore, every_s: float, stuck_after_s: float, on_stuck: Callable[[], None]
    ) -> None:
        self._driver: Final = driver
        self._store: Final = store
        self._every_s: Final = every_s
        self._stuck_after_s: Final = stuck_after_s
        self._on_stuck: Final = on_stuck
        self._stopped: Final = Event()
        self._thread: Final = Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew nothing more."""
        self._stopped.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            if time.monotonic() - self._driver.turned_at > self._stuck_after_s:
                _log.error("the driver is stuck; ending it")
                self._on_stuck()
                return
            claims = self._driver.claims()
            try:
                lost = self._store.renew(claims) if claims else set()
            except EngineError as error:
                _log.warning("leases not renewed: %s", error)
                continue
            for job_id in lost:
                self._driver.disown(job_id)


class Repeater:
    """Calls something again and again in a thread of its own; an absent store is no reason to stop."""

    def __init__(self, name: str, every_s: float, action: Callable[[], object]) -> None:
        self._every_s: Final = every_s
        self._action: Final = action
        self._stopped: Final = Event()
        self._thread: Final = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Call no more."""
        self._stopped.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while True:
            try:
                self._action()
            except EngineError as error:
                _log.warning("%s", error)
            except Exception:  # noqa: BLE001 - a thread that dies silently would never be missed
                _log.exception("an upkeep task failed")
            if self._stopped.wait(self._every_s):
                return
