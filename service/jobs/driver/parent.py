"""The end of standard input, which says to a driver process that its parent is gone or wants it to stop."""

import os
import sys
import time
from collections.abc import Callable
from threading import Thread
from typing import Final

_GRACE_S: Final = 5.0


class Parent:
    """Watches standard input from now on; its end also ends this process."""

    def __init__(self) -> None:
        self._stop: Callable[[], None] | None = None
        Thread(target=self._wait, name="parent", daemon=True).start()

    def when_gone(self, stop: Callable[[], None]) -> None:
        """Let the process leave by itself within a few seconds; until this call there is nothing to leave behind."""
        self._stop = stop

    def _wait(self) -> None:
        while sys.stdin.readline():
            pass
        if self._stop is not None:
            self._stop()
            # A store that does not answer must not keep an orphan alive.
            time.sleep(_GRACE_S)
        os._exit(0)
