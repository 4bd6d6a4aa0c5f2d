"""The sockets of fork servers, which their library leaves behind when one of them dies."""

import contextlib
from multiprocessing.util import get_temp_dir
from pathlib import Path


def forget_dead_fork_servers() -> None:
    """Remove the sockets of fork servers of this process before the present one, which is the newest."""
    with contextlib.suppress(OSError):
        sockets = sorted(Path(get_temp_dir()).glob("listener-*"), key=lambda socket: socket.stat().st_mtime)
        for socket in sockets[:-1]:
            socket.unlink()
