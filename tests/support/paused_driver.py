"""``python -m tests.support.paused_driver KIND``: a driver that stops itself just before its first write of a kind."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from service.jobs.config import JobsConfig
from service.jobs.driver.process import DriverProcess
from service.jobs.store.drivers import DriverStore

METHODS = {"chunk": "save_steps", "progress": "save_progress", "event": "count_loss", "state": "finish"}


def pausing_store(kind: str) -> type[DriverStore]:
    method = METHODS[kind]
    original: Callable[..., Any] = getattr(DriverStore, method)
    paused: list[str] = []

    def pause_then_write(self: DriverStore, *arguments: Any, **named: Any) -> Any:
        if not paused:
            paused.append(kind)
            os.kill(os.getpid(), signal.SIGSTOP)
        return original(self, *arguments, **named)

    return type("PausingStore", (DriverStore,), {method: pause_then_write})


def main() -> None:
    config = JobsConfig.from_json(sys.stdin.readline())
    DriverProcess(config, pausing_store(sys.argv[1])).run()


if __name__ == "__main__":
    main()
