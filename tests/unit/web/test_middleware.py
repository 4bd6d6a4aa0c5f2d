"""The last resort, and what logs may hold."""

import asyncio
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from service import logs
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings
from service.web.app import create_app
from service.web.middleware import Observe
from service.web.observation.metrics import Metrics


def request(app: Any, method: str, path: str, body: bytes = b"") -> list[MutableMapping[str, Any]]:
    """All messages that an app sends in answer to one request."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("localhost", 1),
    }
    asyncio.run(app(scope, receive, send))
    return sent


def test_an_unexpected_error_is_a_problem_without_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("secret detail")

    logs.configure("error", "json")
    started, content = request(Observe(broken, Metrics()), "GET", "/")
    headers = dict(started["headers"])
    document = json.loads(content["body"])
    assert started["status"] == document["status"] == 500
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert document["type"] == "/problems/internal-error"
    assert b"secret" not in content["body"]
    logged = json.loads(capsys.readouterr().err.splitlines()[0])
    assert logged["event"] == "failed"
    assert "secret detail" in logged["exception"]


def test_an_error_after_the_start_of_an_answer_is_raised() -> None:
    async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("too late")

    logs.configure("error", "json")
    with pytest.raises(RuntimeError, match="too late"):
        request(Observe(broken, Metrics()), "GET", "/")


def test_one_log_line_with_shapes_and_without_data(capsys: pytest.CaptureFixture[str]) -> None:
    problem = {
        "network": {"layers": [{"width": 2, "weight_decay": 0.25}, {"width": 1, "weight_decay": 0.1}]},
        "data": {"kind": "moments", "xx": [[1234.5]], "xy": [[678.25]], "yy": 9876.5},
    }
    app = create_app(Settings(log_level="info"))
    started, _ = request(app, "POST", "/v1/minima", json.dumps(problem).encode())
    lines = capsys.readouterr().err.splitlines()
    assert started["status"] == 200
    assert len(lines) == 1
    event = json.loads(lines[0])
    assert event["route"] == "/v1/minima"
    assert event["status"] == 200
    assert (event["data"], event["layers"]) == ("moments", 2)
    assert event["request_id"] == dict(started["headers"])[b"x-request-id"].decode()
    assert not any(number in lines[0] for number in ("1234.5", "678.25", "9876.5"))


def test_a_number_that_a_log_cannot_write_is_refused_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    race = {"problem": DESIGN_EXAMPLE, "steps": 10**30, "runs": 1}
    app = create_app(Settings(log_level="info", workers=0, database_url=f"sqlite:///{tmp_path}/jobs.db"))
    started, content = request(app, "POST", "/v1/races", json.dumps(race).encode())
    assert (started["status"], json.loads(content["body"])["type"]) == (422, "/problems/invalid-input")
    assert json.loads(capsys.readouterr().err.splitlines()[-1])["status"] == 422


def test_each_app_has_its_own_metrics() -> None:
    one, two = Metrics(), Metrics()
    one.observe("GET", "/livez", 200, 0.001)
    assert b'route="/livez"' in one.exposition()
    assert b'route="/livez"' not in two.exposition()
