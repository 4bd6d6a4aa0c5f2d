"""``minima serve``: the service on this machine, in one process or several, with a demonstration if asked."""

import contextlib
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import structlog
import typer
import uvicorn
from rich.console import Console

from service import logs
from service.cli.demo import show_demo
from service.cli.errors import CommandError
from service.cli.listening import bind, bind_unix, inherited, remove_unix, shown
from service.cli.settings import load_settings, unknown_settings
from service.settings import Settings
from service.web.app import create_app
from service.web.serving.processes import serve_in_processes
from service.web.serving.server import server_config

READY_WITHIN_S: Final = 30.0
OPEN_FILES: Final = 2**16
"""More than any number of connections that one process serves."""


def serve(
    host: Annotated[str, typer.Option(help="Address to bind; 0.0.0.0 is open to the network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, envvar="MINIMA_PORT", help="0 takes a free one.")] = 8000,
    uds: Annotated[Path | None, typer.Option(help="A socket in the file system, in place of host and port.")] = None,
    fd: Annotated[int | None, typer.Option(min=3, help="An inherited socket that listens, in their place.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="HTTP processes; MINIMA_WORKERS are those that compute jobs.")
    ] = 1,
    root_path: Annotated[str | None, typer.Option(help="Prefix of a proxy; default MINIMA_ROOT_PATH.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Solve a bundled data set over HTTP and print it.")] = False,
) -> None:
    """Serve until interrupted.

    SIGTERM ends it, SIGHUP reads the settings anew and goes on; both let requests end first.
    """
    if demo and (workers > 1 or uds is not None):
        raise CommandError("--demo goes with one process and a port")
    changed = {"root_path": root_path} if root_path is not None else {}
    changed |= {"log_level": "warning"} if demo else {}
    settings = load_settings(**changed)
    allow_open_files()
    logs.take_over(settings.log_level, settings.log_format)
    for message in unknown_settings():
        structlog.get_logger("service.cli").warning(message)
    listener = inherited(fd) if fd is not None else bind_unix(uds) if uds is not None else bind(host, port)
    base = shown(listener, host)
    if not demo:
        logs.announce(f"serving on {base} (stop with Ctrl-C)", settings.log_format)
    try:
        if workers == 1:
            _serve_alone(settings, listener, lambda: load_settings(**changed), base if demo else None)
        elif not serve_in_processes(settings, workers, listener, lambda: _reloaded(lambda: load_settings(**changed))):
            raise CommandError("an HTTP process could not start; its log says why")
    finally:
        remove_unix(listener)


def allow_open_files() -> None:
    """Raise the limit of open files where this user may: each connection is one, and the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # some systems name a limit that their kernel does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _serve_alone(settings: Settings, listener: socket.socket, load: Callable[[], Settings], demo: str | None) -> None:
    """Serve in this process; SIGHUP lets requests end and executes the command anew, at whose socket others wait."""
    server = uvicorn.Server(server_config(create_app(settings), settings))
    again = False

    def hang_up(_signal: int, _frame: FrameType | None) -> None:
        nonlocal again
        if not _has_terminal():
            if _reloaded(load) is None:
                return
            again = True
        server.should_exit = True

    signal.signal(signal.SIGHUP, hang_up)
    # uvicorn raises it again when it has stopped
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    if demo is not None:
        threading.Thread(target=_demonstrate, args=(server, demo), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        # it closes what it is given, and the next one needs the socket
        server.run(sockets=[listener.dup()])
        if again:
            _execute_again(listener.fileno())


def _reloaded(load: Callable[[], Settings]) -> Settings | None:
    """The settings as they are now; None, and a line in the log, if they are wrong."""
    try:
        return load()
    except CommandError as error:
        structlog.get_logger("service.cli").error(f"the settings stay as they were: {error.detail}")
        return None


def _has_terminal() -> bool:
    """Whether SIGHUP means that the terminal is gone."""
    return sys.stdin is not None and sys.stdin.isatty()


def _execute_again(descriptor: int) -> None:
    """Become a new process of the same number, with the same command and socket."""
    os.set_inheritable(descriptor, True)
    command = list(sys.orig_argv[1:])
    if "--fd" in command:
        at = command.index("--fd")
        del command[at : at + 2]
    os.execv(sys.executable, [sys.executable, *command, "--fd", str(descriptor)])  # noqa: S606 - our own command


def _demonstrate(server: uvicorn.Server, base: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    show_demo(base, Console())
