"""A real server for tests: the app under uvicorn on a free port, and a plain client."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from service.cli.listening import bind
from service.settings import Settings
from service.web.app import create_app
from service.web.serving.server import server_config


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@contextmanager
def serving(settings: Settings | None = None) -> Iterator[str]:
    """Base address of a running service."""
    listener = bind("127.0.0.1", 0)
    settings = settings or Settings(log_level="error")
    app = create_app(settings)
    server = uvicorn.Server(server_config(app, settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline, "the server did not start"
            assert thread.is_alive(), "the server stopped"
            time.sleep(0.01)
        yield "http://127.0.0.1:" + str(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def call(base: str, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
    """One request; bytes are sent as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    sent = {"content-type": "application/json", **(headers or {})} if content is not None else dict(headers or {})
    address = urlsplit(base)
    assert address.hostname
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    try:
        started = time.perf_counter()
        connection.request(method, path, content, sent)
        answer = connection.getresponse()
        received = answer.read()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, names, received, time.perf_counter() - started)
    finally:
        connection.close()
