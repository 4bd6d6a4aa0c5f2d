"""The walks of a job and of an upload in docs/architecture.md are what their processes call, in that order.

A ``sitecustomize`` notes calls in every process of a server: HTTP, the one that reads uploads, driver and workers.
"""

import json
import re
from http.client import HTTPResponse
from pathlib import Path
from typing import Final

import service
from service.schemas.problem import DESIGN_EXAMPLE
from tests.support.served import Server, serve, until

SERVICE: Final = Path(service.__file__).parent
TEXT: Final = (SERVICE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
ROW: Final = re.compile(r"^\| (\d+) \| (.+?) \|", re.MULTILINE)
PLACE: Final = re.compile(r"`([\w/]+\.py)`: ((?:`[\w.]+`(?:, )?)+)")
NOTES: Final = """
import os, sys, threading, time

ROOT, FILE, NAMES = {root!r}, {file!r}, {names!r}


def note(frame, event, _argument):
    code = frame.f_code
    if event == "call" and code.co_name in NAMES and code.co_filename.startswith(ROOT):
        handle = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{{time.monotonic_ns()}} {{code.co_filename[len(ROOT):]}} {{code.co_qualname}}\\n".encode())
        os.close(handle)


threading.setprofile(note)
sys.setprofile(note)
"""


def rows(start: str, end: str) -> list[list[tuple[str, str]]]:
    """For each numbered row between two headings its places: file and function; the numbers follow each other."""
    found = ROW.findall(TEXT[TEXT.index(start) : TEXT.index(end)])
    numbers = [int(number) for number, _ in found]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    places = []
    for _, where in found:
        named = [(file, name) for file, names in PLACE.findall(where) for name in re.findall(r"`([\w.]+)`", names)]
        assert named, where
        places.append(named)
    return places


JOB: Final = [*rows("## One request", "## One job")[:6], *rows("## One job", "## One upload")]
UPLOAD: Final = rows("## One upload", "## The core")


def follow(calls: Path, walk: list[list[tuple[str, str]]]) -> None:
    """Every row begins after the one before it began; what else a row names is called once it has begun."""
    noted = [line.split() for line in calls.read_text(encoding="utf-8").splitlines()]
    began = 0

    def first(file: str, name: str) -> int:
        times = [
            int(at) for at, path, full in noted if path == file and (full == name or full.endswith(f"<locals>.{name}"))
        ]
        later = [at for at in times if at >= began]
        assert later, f"{file}: {name} was " + ("called earlier only" if times else "never called")
        return min(later)

    for row in walk:
        began = max(began, first(*row[0]))
        for place in row[1:]:
            first(*place)


def reply_to(
    server: Server, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[HTTPResponse, bytes]:
    connection = server.connect()
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply, reply.read()
    finally:
        connection.close()


def test_a_job_and_an_upload_take_the_steps_that_are_written_down(tmp_path: Path) -> None:
    calls, hook = tmp_path / "calls", tmp_path / "hook"
    hook.mkdir()
    names = {name.rpartition(".")[2] for row in (*JOB, *UPLOAD) for _, name in row}
    notes = NOTES.format(root=f"{SERVICE}/", file=str(calls), names=sorted(names))
    (hook / "sitecustomize.py").write_text(notes, encoding="utf-8")
    with serve(tmp_path, first_on_path=hook, WORKERS="1") as server:
        until(lambda: server.get("/readyz")[1]["jobs"]["ready"], server)
        calls.write_text("", encoding="utf-8")
        headers = {"content-type": "application/json", "prefer": "respond-async"}
        posted, _ = reply_to(server, "POST", "/v1/minima", json.dumps(DESIGN_EXAMPLE).encode(), headers)
        assert posted.status == 202
        job = posted.headers["location"]
        until(lambda: server.get(job)[1]["state"] == "successful", server)
        assert server.get(f"{job}/results")[1]["status"] == "exact"
        follow(calls, JOB)
        calls.write_text("", encoding="utf-8")
        sent, _ = reply_to(server, "POST", "/v1/datasets", b"a,b\n1,2\n2,3\n4,9\n", {"content-type": "text/csv"})
        assert sent.status == 201
        follow(calls, UPLOAD)
