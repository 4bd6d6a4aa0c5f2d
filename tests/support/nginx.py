"""A real nginx with the configuration that is shipped, for tests; only addresses are changed, and times where asked."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx"
PREFIX = "/minima"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
MISSING = "no nginx on this machine (apt-get install nginx-light)"


@dataclass(frozen=True)
class Proxy:
    base: str
    folder: Path

    @property
    def requests(self) -> list[str]:
        """The lines of its access log."""
        return (self.folder / "access.log").read_text().splitlines()


def connection_to(proxy: Proxy) -> HTTPConnection:
    """A connection that is not open yet."""
    address = urlsplit(proxy.base)
    assert address.hostname
    return HTTPConnection(address.hostname, address.port, timeout=60)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def proxying(
    folder: Path,
    replicas: Sequence[str],
    locations: Literal["", "-stripped", "-kept"] = "",
    changes: Mapping[str, str] | None = None,
) -> Iterator[Proxy]:
    """A proxy before replicas at ``host:port`` or ``unix:path``; each change replaces a text that stands there once."""
    assert NGINX
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    lines = "".join(f"server {replica} max_fails=0;" for replica in replicas)
    written = {
        "nginx.conf": {"listen 8080": f"listen 127.0.0.1:{port}", "/dev/stdout": "access.log", **(changes or {})},
        "upstream.conf": {"server api:8000 max_fails=0;": lines},
        "prefix.conf": {'default "";': f"default {PREFIX};"} if locations else {},
    }
    for name, replaced in written.items():
        text = (SHIPPED / name).read_text()
        for old, new in replaced.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / name).write_text(text)
    shutil.copy(SHIPPED / f"locations{locations}.conf", folder / "locations.conf")
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with (folder / "stderr").open("wb") as told, subprocess.Popen(command, stderr=told) as process:
        try:
            _wait_for(port, process)
            yield Proxy(f"http://127.0.0.1:{port}", folder)
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "nginx ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("nginx does not listen")
