"""Connections whose headers come a byte at a time and never end."""

import contextlib
import select
import socket
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

PAUSE_S = 0.05
HEAD = b"GET /livez HTTP/1.1\r\nhost: x\r\nslow: "


class Drips:
    """So many of them, until the server ends each or the block is left.

    Attributes
    ----------
    open : int
        Connections that the server has not ended.
    longest_s : float
        How long the last of the ended ones lasted.
    """

    def __init__(self, base: str, count: int) -> None:
        address = urlsplit(base)
        place = (str(address.hostname), int(address.port or 0))
        self.open = count
        self.longest_s = 0.0
        self._began = time.monotonic()
        self._stopped = threading.Event()
        self._sockets = [socket.create_connection(place, timeout=10) for _ in range(count)]
        self._thread = threading.Thread(target=self._drip, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def _drip(self) -> None:
        left = list(self._sockets)
        for sock in left:
            with contextlib.suppress(OSError):
                sock.sendall(HEAD)
        while left and not self._stopped.wait(PAUSE_S):
            for sock in list(left):
                if _has_ended(sock):
                    left.remove(sock)
                    self.longest_s = time.monotonic() - self._began
            self.open = len(left)


def _has_ended(sock: socket.socket) -> bool:
    try:
        sock.sendall(b"a")
        return bool(select.select([sock], [], [], 0)[0]) and sock.recv(65536) == b""
    except OSError:
        return True
