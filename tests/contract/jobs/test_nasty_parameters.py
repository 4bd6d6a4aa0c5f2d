"""Every parameter and header of the OpenAPI document with nasty values: named or not found, never a server error."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from service.jobs.from_settings import jobs_config
from service.jobs.service import JobService
from service.jobs.values import Submission
from service.settings import Settings
from tests.serving import Reply, call, serving
from tests.support.job_stacks import new_database
from tests.support.openapi import PROBLEM, operations, parameters_of

CSV = b"a,b,c\n1.0,2.0,0.5\n-1.0,0.5,1.5\n0.5,-1.5,2.0\n"
IDENTITY = "0123456789abcdef" * 2
NUMBERS = [0, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 2**100]
TEXTS = [
    *map(str, NUMBERS),
    "9" * 4_000,
    "-" + "9" * 400,
    "1e400",
    "-1e400",
    "nan",
    "Infinity",
    "0x10",
    "1_000",
    "+1",
    " 1 ",
    "1.0000000001",
    "%",
    "'; DROP TABLE jobs; --",
    "../../etc/passwd",
    "{{7*7}}",
    "x" * 3_000,
    "ÿþý",
]
"""Texts that a header can carry, too."""
ENCODED = [
    "%00",
    "%00%00abc",
    "abc%00def",
    "%ED%A0%80",
    "%ED%B0%80%ED%A0%80",
    "%FF%FE",
    "%C0%AF",
    "%D9%A3",
    "%F0%9F%92%A3",
]
"""NUL, lone surrogates, bytes that are no UTF-8, digits that are not ASCII: as they stand in an address."""


def cursor(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode("utf-8", "surrogatepass")).decode().rstrip("=")


CURSORS = [
    cursor(text)
    for text in (
        f'[1e999, "{IDENTITY}"]',
        f'[NaN, "{IDENTITY}"]',
        f'[-Infinity, "{IDENTITY}"]',
        f'[{10**400}, "{IDENTITY}"]',
        f'[{2**64}, "{IDENTITY}"]',
        f'[true, "{IDENTITY}"]',
        f'["1", "{IDENTITY}"]',
        '[1.0, "\\u0000"]',
        '[1.0, "\\ud800"]',
        '[1.0, "\ud800"]',
        '[1.0, "none"]',
        "[1.0, null]",
        "[1.0]",
        "[]",
        "null",
        "{}",
        "[" * 20_000,
        '{"0": 1, "1": 2}',
        '"ab"',
    )
]
"""What stands where a cursor should, correctly encoded."""


@dataclass(frozen=True)
class Asked:
    operation: str
    name: str
    where: str
    value: str

    @property
    def is_of_any_length(self) -> bool:
        return len(self.value) > 8


def nasty() -> Iterator[Asked]:
    for operation, (_, _, described) in operations().items():
        for parameter in parameters_of(described):
            name, where = parameter["name"], parameter["in"]
            if where == "header":
                yield from (Asked(operation, name, where, text) for text in TEXTS if text == text.strip())
                continue
            yield from (Asked(operation, name, where, quote(text, safe="")) for text in TEXTS)
            yield from (Asked(operation, name, where, text) for text in [*ENCODED, *CURSORS])


class Stand:
    """A server with an ended job and a data set, so that what is asked for reaches the store."""

    def __init__(self, base: str, service: JobService) -> None:
        self.base = base
        job = service.store.submit(Submission("minima", {"problem": {}}))[0].id
        assert service.store.dismiss(job, "anonymous") is not None
        uploaded = call(base, "POST", "/v1/datasets", CSV, {"content-type": "text/csv"}).json["id"]
        self.names: Mapping[str, str] = {
            "job_id": job,
            "dataset_id": uploaded,
            "name": "diabetes",
            "theorem_id": call(base, "GET", "/v1/theorems").json["theorems"][0]["id"],
            "problem_id": call(base, "GET", "/v1/problems").json["problems"][0]["id"],
        }

    def send(self, asked: Asked) -> Reply:
        method, path, described = operations()[asked.operation]
        query = {"partial": "true"} if asked.operation == "get_job_results" else {}
        named, headers = dict(self.names), {}
        if asked.where == "path":
            named[asked.name] = asked.value
        elif asked.where == "query":
            query[asked.name] = asked.value
        else:
            headers[asked.name] = asked.value
        address = path.format_map(named) + "".join(
            f"{'&' if place else '?'}{name}={value}" for place, (name, value) in enumerate(query.items())
        )
        if method != "POST":
            return call(self.base, method, address, headers=headers)
        if asked.operation == "upload_dataset":
            return call(self.base, method, address, CSV, {"content-type": "text/csv", **headers})
        return call(self.base, method, address, _example(described) if asked.operation == "minima" else {}, headers)


def _example(described: Mapping[str, Any]) -> Any:
    return next(iter(described["requestBody"]["content"]["application/json"]["examples"].values()))["value"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    url = f"sqlite:///{tmp_path_factory.mktemp('nasty')}/jobs.db"
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgres_uri"))
    settings = Settings(database_url=url, workers=0, log_level="error")
    service = JobService(jobs_config(settings), drive=False)
    with serving(settings) as base:
        yield Stand(base, service)
    service.stop()


def test_no_value_of_a_parameter_is_a_server_error(stand: Stand) -> None:
    wrong = [
        f"{asked.operation} {asked.name} {asked.value[:40]}: {said}"
        for asked in nasty()
        for said in complaints(asked, stand.send(asked))
    ]
    assert wrong == []


def complaints(asked: Asked, reply: Reply) -> Iterator[str]:
    if reply.status >= 500 or reply.status in (301, 302, 303, 307, 308):
        yield f"answered {reply.status}: {reply.content[:200]!r}"
        return
    if asked.where == "path" and reply.status not in _ALLOWED_OF_PATHS[asked.name]:
        yield f"answered {reply.status}"
    if reply.status < 400:
        return
    if reply.headers["content-type"] != PROBLEM:
        yield f"answered {reply.status} without problem details"
    elif reply.status == 422 and asked.where != "header" and named_by(reply) != [asked.name]:
        yield f"named {reply.json['errors']}"
    if asked.is_of_any_length and asked.value.encode() in reply.content:
        yield "repeated the value"


def named_by(reply: Reply) -> list[str | None]:
    return [error.get("parameter") for error in reply.json["errors"]]


_ALLOWED_OF_PATHS: Mapping[str, tuple[int, ...]] = {
    "job_id": (404,),
    "dataset_id": (404,),
    "name": (404,),
    "theorem_id": (404,),
    # the id of a generated problem may carry its parameters
    "problem_id": (404, 422),
}


WHOLE = {"Last-Event-ID": "get_job_events", "after": "get_job_results", "limit": "list_jobs"}
"""Whole numbers, and an operation that takes each."""


@pytest.mark.parametrize("name", WHOLE)
def test_a_number_that_the_store_cannot_count_is_refused_by_name(stand: Stand, name: str) -> None:
    for value in ("2147483648", str(2**63), str(2**64), "-2147483649", "9" * 400):
        where = "header" if name == "Last-Event-ID" else "query"
        reply = stand.send(Asked(WHOLE[name], name, where, value))
        assert reply.status == 422
        (error,) = reply.json["errors"]
        assert (error.get("parameter") or error.get("header", "")).lower() == name.lower()
        assert value not in json.dumps(reply.json)


def test_the_largest_number_that_it_can_count_is_taken(stand: Stand) -> None:
    assert stand.send(Asked("get_job_results", "after", "query", "2147483647")).status == 200
    assert stand.send(Asked("get_job_events", "Last-Event-ID", "header", "2147483647")).status == 200


def test_only_cursors_that_were_given_are_taken(stand: Stand) -> None:
    for operation in ("list_jobs", "list_datasets"):
        for wrong in CURSORS:
            reply = stand.send(Asked(operation, "cursor", "query", wrong))
            assert reply.status == 422
            assert [error["parameter"] for error in reply.json["errors"]] == ["cursor"]
