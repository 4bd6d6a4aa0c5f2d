"""What the scheduler must know beyond Dask: which call began on which process, and whether a death was ours.

Dask tells neither apart a task that a dead worker computed from one that waited there, nor which process to kill.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

from distributed import Scheduler, SchedulerPlugin

from service.jobs.engines.versions import VERSIONS
from service.version import ENGINE_VERSION

_CONDEMNED_S: Final = 15.0


class Ledger(SchedulerPlugin):
    """A plugin of the scheduler that keeps, for each call that began, its worker, process and time.

    Dask's own retries are switched off, so that deaths are counted in one place, the store; so is its removal of
    copies, so that arrays travel once to each worker.
    """

    idempotent = True
    name = f"minima-ledger-{ENGINE_VERSION}"

    def __init__(self) -> None:
        self._running: Final[dict[str, tuple[str, int, float]]] = {}
        self._died: Final[set[str]] = set()
        self._condemned: Final[dict[str, float]] = {}
        self._leaving: Final[set[str]] = set()
        self._scheduler: Scheduler | None = None

    async def start(self, scheduler: Scheduler) -> None:
        """Open the ledger to workers and drivers."""
        self._scheduler = scheduler
        scheduler.allowed_failures = 0
        # It would take shared arrays from workers that are just between two calls.
        untyped: Any = scheduler.extensions["amm"]
        untyped.stop()
        scheduler.handlers["minima_began"] = self.began
        scheduler.handlers["minima_ended"] = self.ended
        scheduler.handlers["minima_census"] = self.census
        scheduler.handlers["minima_running"] = self.running
        scheduler.handlers["minima_condemn"] = self.condemn
        scheduler.handlers["minima_blame"] = self.blame
        scheduler.handlers["minima_evict"] = self.evict

    def began(self, key: str, worker: str, pid: int) -> bool:
        """Note that a process begins a call; False tells it not to: nobody wants it, or the process is to die.

        What a worker said before it died may be read after its end was noticed: nothing would take that note away.
        """
        assert self._scheduler is not None  # noqa: S101 - handlers exist only after `start`
        task = self._scheduler.tasks.get(key)
        if worker not in self._scheduler.workers or task is None or not task.who_wants or self._is_condemned(worker):
            return False
        self._running[key] = (worker, pid, time.monotonic())
        return True

    def ended(self, key: str) -> None:
        """Note that a process is through with a call."""
        self._running.pop(key, None)

    def census(self) -> dict[str, Any]:
        """Count the threads of living workers and those that compute, and tell the versions."""
        assert self._scheduler is not None  # noqa: S101 - handlers exist only after `start`
        busy = len({worker for worker, _, _ in self._running.values()})
        return {"workers": self._scheduler.total_nthreads, "busy": busy, "versions": VERSIONS}

    def running(self, keys: Sequence[str]) -> dict[str, float]:
        """Tell for how long the calls among these have been computed."""
        now = time.monotonic()
        return {key: now - self._running[key][2] for key in keys if key in self._running}

    def condemn(self, keys: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Mark the workers of these calls as about to be killed, and return worker and process of each."""
        found = {key: self._running[key][:2] for key in keys if key in self._running}
        self._condemned.update((worker, time.monotonic()) for worker, _ in found.values())
        return found

    def _is_condemned(self, worker: str) -> bool:
        """Whether a worker is about to be killed; one that outlives the order for long was spared."""
        since = self._condemned.get(worker)
        if since is not None and time.monotonic() - since > _CONDEMNED_S:
            del self._condemned[worker]
            return False
        return since is not None

    def blame(self, key: str) -> bool:
        """Tell, once, whether a worker died while it computed this call and nobody killed it on purpose."""
        if key in self._died:
            self._died.discard(key)
            return True
        return False

    def evict(self, prefix: str) -> list[str]:
        """Cancel every call under a prefix, whichever job asked for it; return those that are being computed."""
        assert self._scheduler is not None  # noqa: S101 - handlers exist only after `start`
        stale = [key for key in self._scheduler.tasks if isinstance(key, str) and key.startswith(prefix)]
        for key in stale:
            for client in list(self._scheduler.tasks[key].who_wants or ()):
                self._scheduler.client_releases_keys([key], client.client_key)
                if key not in self._scheduler.tasks:
                    break
        return [key for key in self._running if key.startswith(prefix)]

    def log_event(self, topic: str, msg: Any) -> None:
        """Note which workers close by themselves: the calls that they leave behind did not kill them."""
        if isinstance(msg, dict) and msg.get("action") == "closing-worker":
            self._leaving.add(topic)

    def remove_worker(self, scheduler: Scheduler, worker: str, **kwargs: Any) -> None:  # noqa: ARG002 - Dask's hook
        """Note which calls died with a worker."""
        gone = [key for key, (place, _, _) in self._running.items() if place == worker]
        for key in gone:
            del self._running[key]
        if worker not in self._condemned and worker not in self._leaving:
            self._died.update(gone)
        self._condemned.pop(worker, None)
        self._leaving.discard(worker)
