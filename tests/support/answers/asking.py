"""A checkout of the project asked over HTTP and by its command line, as anybody would; nothing of it is imported."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tests.support.answers.questions import Question

SERVE: Final = "import sys; sys.argv = ['minima', 'serve', '--port', '0']; from service.cli import main; main()"
VERIFY: Final = """
import contextlib, io, json, sys
from service.cli import main
told = []
for name, text in json.load(sys.stdin):
    out, said = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    sys.argv, sys.stdin = ["minima", "verify", "-"], io.TextIOWrapper(io.BytesIO(text.encode()))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        try:
            main()
            status = 0
        except SystemExit as stopped:
            status = stopped.code
    out.flush()
    told.append([name, status, out.buffer.getvalue().decode(), said.getvalue()])
json.dump(told, sys.stdout)
"""
ASIDE: Final = ("created_at", "expires_at", "execution")
"""What is no part of an answer: when it was given, and where it was computed."""


def answers_of(checkout: Path, asked: Iterable[Question]) -> dict[str, Any]:
    """The answer of a checkout to each question: its status, and the document or the text."""
    asked = list(asked)
    found: dict[str, Any] = {}
    with _served(checkout) as base:
        address = urlsplit(base)
        connection = HTTPConnection(str(address.hostname), address.port, timeout=600)
        for question in asked:
            if question.method != "VERIFY":
                found[question.name] = _asked(connection, question, found)
        connection.close()
    return found | _verified(checkout, [question for question in asked if question.method == "VERIFY"], found)


def _environment(checkout: Path, **more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MINIMA_")}
    return {**plain, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1", **more}


@contextmanager
def _served(checkout: Path) -> Iterator[str]:
    """Base address of a server with one worker, whose limits no question reaches."""
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(
            checkout,
            MINIMA_WORKERS="1",
            MINIMA_DATABASE_URL=f"sqlite:///{folder}/jobs.db",
            MINIMA_LOG_LEVEL="error",
            MINIMA_MAX_SECONDS="600",
            MINIMA_INLINE_BUDGET_S="1e6",
        )
        with subprocess.Popen(
            [sys.executable, "-c", SERVE], cwd=checkout, env=environment, stderr=subprocess.PIPE, text=True
        ) as server:
            try:
                assert server.stderr is not None
                line = server.stderr.readline()
                assert "serving on " in line, line + server.stderr.read()
                yield line.partition("serving on ")[2].split()[0]
            finally:
                server.terminate()


def _asked(connection: HTTPConnection, question: Question, found: dict[str, Any]) -> dict[str, Any]:
    body, headers = question.body, dict(question.headers)
    if body is not None and not isinstance(body, str):
        body = _with_ids(json.dumps(body), found)
        headers["content-type"] = "application/json"
    path = _with_ids(question.path, found)
    connection.request(question.method, path, None if body is None else body.encode(), headers)
    reply = connection.getresponse()
    return {"status": reply.status, "answer": without(_read(reply.read().decode()), ASIDE)}


def _with_ids(text: str, found: dict[str, Any]) -> str:
    """Uploads are named by the questions that make them until their ids are known."""
    if "@" in text:
        for name, told in found.items():
            if name.startswith("datasets/") and told["status"] == 201:
                text = text.replace(f"@{name}", told["answer"]["id"])
    return text


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def without(value: Any, names: tuple[str, ...]) -> Any:
    """A document without the fields of some names, wherever they stand."""
    if isinstance(value, dict):
        return {name: without(item, names) for name, item in value.items() if name not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


def _verified(checkout: Path, asked: list[Question], found: dict[str, Any]) -> dict[str, Any]:
    """Reports of ``minima verify`` and its exit status, all in one process."""
    texts = [(question.name, json.dumps(_changed(found[question.path]["answer"], question.body))) for question in asked]
    ran = subprocess.run(
        [sys.executable, "-c", VERIFY],
        cwd=checkout,
        env=_environment(checkout),
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        name: {"status": status, "answer": _read(text), "said": said}
        for name, status, text, said in json.loads(ran.stdout)
    }


def _changed(answer: Any, changes: dict[str, float]) -> Any:
    """An answer whose numbers at some paths are larger by a relative amount; refusals have none and stay."""
    copied = json.loads(json.dumps(answer))
    for path, amount in changes.items():
        *parents, last = path.split(".")
        holder = copied
        for name in parents:
            holder = holder.get(name, {})
        if last in holder:
            holder[last] += amount * (abs(holder[last]) or 1.0)
    return copied
