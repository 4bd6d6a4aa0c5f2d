"""The in-memory twin of the pool: threads in this process, for tests and for inline answers of the same plans."""

import queue
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final

from service.jobs.codec import decode
from service.jobs.engines.engine import Call, Outcome
from service.jobs.engines.execution import execute
from service.jobs.plans import Arrays, OperationTable
from service.jobs.values import Payload


class LocalEngine:
    """Threads that obey the port's laws as far as threads can: a running call is never killed, only waited for."""

    def __init__(self, table: OperationTable, workers: int = 2) -> None:
        self._table: Final = table
        self._workers: Final = workers
        self._pool: Final = ThreadPoolExecutor(workers, thread_name_prefix="chunk")
        self._ended: Final[queue.Queue[Outcome]] = queue.Queue()
        self._lock: Final = Lock()
        self._wanted: Final[set[str]] = set()
        self._running: Final[dict[str, float]] = {}
        self._arrays: Final[dict[str, Arrays]] = {}

    def workers(self) -> int:
        """Count the threads."""
        return self._workers

    def share(self, address: str, body: bytes) -> None:
        """Keep arrays."""
        self._arrays[address] = decode(Payload("application/x-npz", body))

    def unshare(self, address: str) -> None:
        """Forget arrays."""
        self._arrays.pop(address, None)

    def submit(self, key: str, call: Call) -> None:
        """Queue a call."""
        arrays = self._arrays[call.arrays] if call.arrays is not None else {}
        with self._lock:
            self._wanted.add(key)
        self._pool.submit(self._run, key, call, arrays)

    def outcomes(self, timeout_s: float) -> list[Outcome]:
        """Return what has ended."""
        found: list[Outcome] = []
        try:
            found.append(self._ended.get(timeout=timeout_s))
            while True:
                found.append(self._ended.get_nowait())
        except queue.Empty:
            pass
        with self._lock:
            wanted = [outcome for outcome in found if outcome.key in self._wanted]
            self._wanted.difference_update(outcome.key for outcome in wanted)
        return wanted

    def drop(self, keys: Collection[str]) -> None:
        """Forget calls."""
        with self._lock:
            self._wanted.difference_update(keys)

    def running(self, keys: Collection[str]) -> Mapping[str, float]:
        """Tell which calls a thread computes now."""
        now = time.monotonic()
        with self._lock:
            return {key: now - began for key, began in self._running.items() if key in keys}

    def kill(self, keys: Collection[str]) -> None:
        """Forget the calls; a thread cannot be killed, so `running` keeps naming them until they end."""
        self.drop(keys)

    def evict(self, prefix: str) -> Collection[str]:
        """Drop every call under a prefix."""
        with self._lock:
            self._wanted.difference_update([key for key in self._wanted if key.startswith(prefix)])
            return [key for key in self._running if key.startswith(prefix)]

    def close(self) -> None:
        """Stop taking calls."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, key: str, call: Call, arrays: Arrays) -> None:
        with self._lock:
            if key not in self._wanted:
                return
            self._running[key] = time.monotonic()
        outcome = execute(self._table, key, call, arrays)
        with self._lock:
            del self._running[key]
        self._ended.put(outcome)
