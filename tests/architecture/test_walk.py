"""The walk of a request in docs/architecture.md is what a request calls, in that order.

Those of a job and an upload, which cross processes, are followed in ``tests/e2e/test_walks.py``.
"""

import asyncio
import json
import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import service
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings
from service.web.app import create_app

ROOT = Path(service.__file__).parent
TEXT = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
STEP = re.compile(r"^\| \d+ \| `([\w/]+\.py)`: ([^|]+) \|", re.MULTILINE)
MOST = 15


def section(start: str, end: str) -> str:
    """What stands between two headings."""
    return TEXT[TEXT.index(start) : TEXT.index(end)]


def steps() -> list[tuple[str, str]]:
    rows = STEP.findall(section("## One request", "## One job"))
    assert 5 < len(rows) <= MOST
    return [(file, name.rpartition(".")[2]) for file, names in rows for name in re.findall(r"`([\w.]+)`", names)]


def called(body: bytes, settings: Settings) -> list[tuple[str, str]]:
    """File and function of every call of the service for one request, each once, in order."""
    app = create_app(settings)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v1/minima", "headers": headers}
    scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http", "server": ("test", 80), "state": {}}
    found: dict[tuple[str, str], None] = {}
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    def note(frame: FrameType, event: str, _argument: object) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(str(ROOT)):
            found.setdefault((path.removeprefix(f"{ROOT}/"), frame.f_code.co_name))

    async def run() -> None:
        sys.setprofile(note)
        try:
            await app(scope, receive, send)
        finally:
            sys.setprofile(None)

    asyncio.run(run())
    assert statuses == [200]
    return list(found)


def test_the_walk_is_what_a_request_calls_in_this_order(tmp_path: Path) -> None:
    settings = Settings(workers=0, database_url=f"sqlite:///{tmp_path}/jobs.db", log_level="error")
    calls = called(json.dumps(DESIGN_EXAMPLE).encode(), settings)
    places = [calls.index(step) for step in steps()]
    assert places == sorted(places)
