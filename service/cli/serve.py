"""``minima serve``: the service on this machine, with a demonstration if asked."""

import contextlib
import socket
import threading
import time
from typing import Annotated

import typer
import uvicorn
from rich.console import Console

from service.cli.demo import show_demo
from service.cli.errors import CommandError
from service.cli.settings import load_settings
from service.web.app import create_app

READY_WITHIN_S = 30.0


def serve(
    host: Annotated[str, typer.Option(help="Address to bind; 0.0.0.0 is open to the network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, envvar="MINIMA_PORT", help="0 takes a free one.")] = 8000,
    demo: Annotated[bool, typer.Option("--demo", help="Solve a bundled data set over HTTP and print it.")] = False,
) -> None:
    """Serve until interrupted."""
    settings = load_settings() if not demo else load_settings(log_level="warning")
    listener = bind(host, port)
    shown_host = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host  # noqa: S104 - a comparison
    base = f"http://{shown_host}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        create_app(settings), access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    if demo:
        threading.Thread(target=_demonstrate, args=(server, base), daemon=True).start()
    else:
        typer.echo(f"serving on {base} (stop with Ctrl-C)", err=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; `CommandError` in one clear line if the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        detail = f"port {port} of {host} cannot be used: {error.strerror}; choose another with --port"
        raise CommandError(detail) from None
    return listener


def _demonstrate(server: uvicorn.Server, base: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    show_demo(base, Console())
