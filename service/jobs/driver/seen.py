"""The driver of a replica of several processes, seen from those that do not run it.

The process that keeps it writes what it knows into a file, again and again; the others read it.
"""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final, Protocol

from service.jobs.engines.engine import PoolCensus

_REPORT_EVERY_S: Final = 0.25
_STALE_S: Final = 5.0


class DriverView(Protocol):
    """What the floors above ask of a driver's keeper."""

    @property
    def pid(self) -> int | None:
        """The driver's process."""
        ...

    @property
    def alive(self) -> bool:
        """Whether the driver has been heard of lately."""
        ...

    def tally(self) -> Mapping[str, int]:
        """Count what the drivers so far have done."""
        ...

    def pool(self) -> PoolCensus:
        """Tell what the driver last said of its workers."""
        ...

    def start(self) -> None:
        """Start it, where it is kept here."""
        ...

    def stop(self) -> None:
        """Stop it, where it is kept here."""
        ...


class DriverSeen:
    """A driver that another process runs and reports on in a file."""

    def __init__(self, file: Path) -> None:
        self._file: Final = file

    @property
    def pid(self) -> int | None:
        """The driver's process."""
        found: int | None = self._report().get("pid")
        return found

    @property
    def alive(self) -> bool:
        """Whether its keeper has reported lately that it is."""
        report = self._report()
        return bool(report.get("alive")) and time.monotonic() - float(report["at"]) < _STALE_S

    def tally(self) -> Mapping[str, int]:
        """Count what the drivers so far have done."""
        return dict(self._report().get("tally", {}))

    def pool(self) -> PoolCensus:
        """Tell what the driver last said of its workers."""
        return PoolCensus(**self._report().get("pool", {}))

    def start(self) -> None:
        """Leave it to its keeper."""

    def stop(self) -> None:
        """Leave it to its keeper."""

    def _report(self) -> dict[str, Any]:
        try:
            report: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return report


class DriverReports:
    """Reports on the driver that runs here to other processes; another driver may take its place meanwhile."""

    def __init__(self, driver: DriverView | None, file: Path) -> None:
        self._driver = driver
        self._file: Final = file
        self._before: Counter[str] = Counter()
        self._stopped: Final = Event()
        self._thread: Final = Thread(target=self._run, name="driver-reports", daemon=True)

    def start(self) -> None:
        """Start the driver, and report on it from now on."""
        if self._driver is not None:
            self._driver.start()
        self._thread.start()

    def replace(self, driver: DriverView | None) -> None:
        """Stop the driver and start another; what both have done adds up."""
        if self._driver is not None:
            self._driver.stop()
            self._before += Counter(self._driver.tally())
        self._driver = driver
        if driver is not None:
            driver.start()

    def stop(self) -> None:
        """Stop the driver, and report no more."""
        if self._driver is not None:
            self._driver.stop()
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            # a full disk is recognised by what is missing
            with contextlib.suppress(OSError):
                self._write()
            if self._stopped.wait(_REPORT_EVERY_S):
                return

    def _write(self) -> None:
        driver = self._driver
        report = {
            "pid": None if driver is None else driver.pid,
            "alive": driver is not None and driver.alive,
            "tally": self._before + Counter({} if driver is None else driver.tally()),
            "pool": {} if driver is None else asdict(driver.pool()),
            "at": time.monotonic(),
        }
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(report), encoding="utf-8")
        new.replace(self._file)
