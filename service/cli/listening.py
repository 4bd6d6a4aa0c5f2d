"""Sockets that the service listens on."""

import contextlib
import socket
import stat
from pathlib import Path
from typing import Final

from service.cli.errors import CommandError

BACKLOG: Final = 2048


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; `CommandError` in one clear line if the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        detail = f"port {port} of {host} cannot be used: {error.strerror}; choose another with --port"
        raise CommandError(detail) from None
    return listener


def bind_unix(path: Path) -> socket.socket:
    """A listening socket in the file system; all who may enter its folder may connect, as with nginx and uvicorn.

    Raises
    ------
    CommandError
        If somebody listens there already, or no socket can be made there.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_left_over(path)
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        detail = f"no socket can be made at {path}: {error.strerror or error}; choose another place with --uds"
        raise CommandError(detail) from None
    return listener


def inherited(descriptor: int) -> socket.socket:
    """A socket that already listens, from the process that started this one."""
    try:
        return socket.socket(fileno=descriptor)
    except OSError as error:
        raise CommandError(f"descriptor {descriptor} is not a socket: {error.strerror}") from None


def shown(listener: socket.socket, host: str) -> str:
    """The address as a person types it."""
    place = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{place}"
    name = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host  # noqa: S104 - a comparison
    return f"http://{f'[{name}]' if ':' in name else name}:{place[1]}"


def remove_unix(listener: socket.socket) -> None:
    """Remove the file of a socket that nobody serves any more."""
    if listener.family == socket.AF_UNIX:
        with contextlib.suppress(OSError):
            Path(listener.getsockname()).unlink()


def _remove_left_over(path: Path) -> None:
    """Remove the file of a socket that nobody listens on."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
