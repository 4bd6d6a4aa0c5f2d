"""Keeps a driver process alive beside the server: starts it, watches it, replaces it."""

import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Event, Thread
from typing import Final

from service import logs
from service.jobs.config import JobsConfig
from service.jobs.engines.engine import PoolCensus
from service.jobs.own_folder import OwnFolder, sweep

_log: Final = logging.getLogger(__name__)
_REFUSED: Final = 3
_LOOK_EVERY_S: Final = 0.1
_STOP_S: Final = 8.0
_SWEEP_EVERY_S: Final = 10.0


class Supervisor:
    """Runs one driver process at a time.

    Parameters
    ----------
    config : JobsConfig
        Handed to the process on its standard input, so that no password appears in a list of processes.
    command : sequence of str
        What to run; tests run a driver that pauses.
    """

    def __init__(self, config: JobsConfig, command: Sequence[str] | None = None) -> None:
        self._config: Final = config
        self._command: Final = command or (sys.executable, "-m", "service.jobs")
        self._stopped: Final = Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._heard_at = 0.0
        self._heard = False
        self._refused = False
        self._reports: Final[list[Mapping[str, int]]] = []
        self._pool = PoolCensus()
        self._swept_at = 0.0
        self._thread: Final = Thread(target=self._run, name="driver-supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """The driver's process, for tests and logs."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the driver has been heard of lately."""
        return self._heard and time.monotonic() - self._heard_at < self._config.stuck_after_s

    def tally(self) -> Mapping[str, int]:
        """Add up what every driver so far has reported; see `Driver.tally`."""
        return sum((Counter(report) for report in list(self._reports)), Counter())

    def pool(self) -> PoolCensus:
        """Tell what the driver last said of its workers; none while it is not heard of."""
        config = self._config
        wanted = self._pool.wanted or (config.pool_size if config.embedded else config.workers or None)
        return replace(self._pool, wanted=wanted) if self.alive else PoolCensus(wanted)

    def start(self) -> None:
        """Start the driver and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the driver; what it had not stored is computed again by the next one."""
        self._stopped.set()
        self._thread.join(_STOP_S + 4.0)

    def _run(self) -> None:
        pause = 0.1
        while not self._stopped.is_set() and not self._refused:
            began = time.monotonic()
            folder = OwnFolder.make()
            self._watch(self._spawn(folder))
            self._sweep()
            pause = 0.1 if time.monotonic() - began > 10.0 else min(5.0, 2.0 * pause)
            self._stopped.wait(pause)

    def _sweep(self) -> None:
        """Remove what drivers and workers that were killed left on the disk, now and then also those of others."""
        self._swept_at = time.monotonic()
        sweep()

    def _spawn(self, folder: OwnFolder | None) -> "subprocess.Popen[bytes]":
        self._heard_at, self._heard = time.monotonic(), False
        self._reports.append({})
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Signals of the terminal are the server's to handle.
            start_new_session=True,
            env=os.environ | ({} if folder is None else {"TMPDIR": str(folder.path)}),
            pass_fds=() if folder is None else (folder.lock,),
        )
        if folder is not None:
            os.close(folder.lock)
        self._process = process
        try:
            assert process.stdin is not None  # noqa: S101 - a pipe was asked for
            process.stdin.write(self._config.to_json().encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            _log.warning("the driver ended before it was configured")
        Thread(target=self._listen, args=(process, len(self._reports) - 1), name="driver-pulse", daemon=True).start()
        Thread(target=self._relay, args=(process,), name="driver-log", daemon=True).start()
        return process

    def _relay(self, process: "subprocess.Popen[bytes]") -> None:
        """Pass on what the driver and its workers log, and what else they write, in the format of the log."""
        assert process.stderr is not None  # noqa: S101 - a pipe was asked for
        with process.stderr as lines:
            for line in lines:
                logs.relay(line.decode(errors="replace"), self._config.log_format)

    def _listen(self, process: "subprocess.Popen[bytes]", place: int) -> None:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in process.stdout:
            self._heard_at, self._heard = time.monotonic(), True
            # Whatever else is printed there is a sign of life, too.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                report = json.loads(line)
                self._reports[place], self._pool = report["tally"], PoolCensus(**report["pool"])
        process.stdout.close()

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        while process.poll() is None:
            if self._stopped.wait(_LOOK_EVERY_S):
                break
            if time.monotonic() - self._swept_at > _SWEEP_EVERY_S:
                self._sweep()
            silence = time.monotonic() - self._heard_at
            if silence > (self._config.stuck_after_s if self._heard else self._config.start_s):
                _log.error("the driver has been silent for %.0f s; replacing it", silence)
                process.kill()
                # It may take a while to go; there is nothing more to do or to say about it.
                break
        self._end(process)
        self._refused = process.returncode == _REFUSED
        if not self._stopped.is_set():
            _log.warning("the driver ended with status %s", process.returncode)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        try:
            process.stdin.close()
        except BrokenPipeError:
            _log.debug("the driver was gone already")
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._heard = False
