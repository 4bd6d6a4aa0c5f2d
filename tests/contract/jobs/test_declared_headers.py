"""Headers in the OpenAPI document are those that a server sends, no fewer and no more."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings
from tests.serving import Reply, call, serving
from tests.support.openapi import operations

OPERATIONS = operations()
EVERYWHERE = {
    *("date", "server", "content-length", "content-type", "transfer-encoding", "x-accel-buffering", "x-request-id"),
    *("x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "content-security-policy"),
    *("cache-control", "vary"),
}
"""Headers of HTTP itself and of every answer, which no operation declares."""
CSV = b"a,b\n1.0,2.0\n-1.0,0.5\n0.5,-1.5\n"
TYPE = {"content-type": "text/csv"}
WAIT = {"Prefer": "wait=60"}
ASYNC = {"Prefer": "respond-async"}


def declared(operation: str, status: int) -> set[str]:
    responses = OPERATIONS[operation][2]["responses"]
    return {name.lower() for name in responses[str(status)].get("headers", {})}


def sent(reply: Reply) -> set[str]:
    return set(reply.headers) - EVERYWHERE


def problem(decay: float) -> dict[str, Any]:
    layers = [{"width": 4, "weight_decay": decay}, {"width": 1, "weight_decay": decay}]
    return {**DESIGN_EXAMPLE, "network": {"layers": layers}}


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that accepts one job and never computes it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('idle')}/jobs.db"
    with serving(Settings(database_url=url, workers=0, queue_limit=1, log_level="error")) as base:
        yield base


def test_answers_of_jobs_carry_what_is_declared(bases: Sequence[str]) -> None:
    inline = call(bases[0], "POST", "/v1/minima", problem(0.11))
    waited = call(bases[0], "POST", "/v1/minima", problem(0.11), WAIT)
    assert (inline.status, waited.status) == (200, 200)
    assert sent(inline) == set()
    assert sent(waited) == declared("minima", 200) == {"location", "preference-applied", "etag", "content-location"}
    job = waited.headers["location"]
    assert sent(call(bases[0], "GET", job)) == set()
    results = call(bases[0], "GET", f"{job}/results")
    assert sent(results) == declared("get_job_results", 200) == {"etag", "content-location"}
    assert results.headers["content-location"] == f"{job}/results"
    known = call(bases[0], "GET", f"{job}/results", headers={"If-None-Match": results.headers["etag"]})
    assert known.status == 304
    assert sent(known) == declared("get_job_results", 304)
    assert sent(call(bases[0], "GET", f"{job}/events")) == set()
    assert sent(call(bases[0], "DELETE", job)) == set()


def test_every_operation_that_may_become_a_job_says_where_it_is(tmp_path: Path) -> None:
    posted = {name: row for name, row in OPERATIONS.items() if row[0] == "POST" and "202" in row[2]["responses"]}
    assert len(posted) > 10
    with serving(Settings(database_url=f"sqlite:///{tmp_path}/jobs.db", workers=0, log_level="error")) as base:
        for name, (method, path, row) in posted.items():
            example = next(iter(row["requestBody"]["content"]["application/json"]["examples"].values()))["value"]
            reply = call(base, method, path, example, ASYNC)
            assert reply.status == 202, name
            assert sent(reply) == declared(name, 202), name
            assert reply.headers["preference-applied"] == "respond-async"
            assert call(base, "GET", reply.headers["location"]).json["operation"] == name


def test_a_job_that_waits_says_when_to_ask_again(idle: str) -> None:
    accepted = call(idle, "POST", "/v1/minima", problem(0.12), ASYNC)
    assert accepted.status == 202
    assert sent(accepted) == declared("minima", 202) == {"location", "preference-applied"}
    status = call(idle, "GET", accepted.headers["location"])
    assert sent(status) == declared("get_job", 200) == {"retry-after"}
    full = call(idle, "POST", "/v1/minima", problem(0.13), ASYNC)
    assert full.status == 429
    assert sent(full) == declared("minima", 429) == {"retry-after"}


def test_pages_link_to_the_next(bases: Sequence[str]) -> None:
    for decay in (0.14, 0.15):
        assert call(bases[0], "POST", "/v1/minima", problem(decay), WAIT).status == 200
    for target in ("a", "b"):
        stored = call(bases[0], "POST", f"/v1/datasets?targets={target}", CSV, TYPE)
        assert stored.status == 201
        assert sent(stored) == declared("upload_dataset", 201) == {"location"}
    again = call(bases[0], "POST", "/v1/datasets?targets=a", CSV, TYPE)
    assert again.status == 200
    assert sent(again) == declared("upload_dataset", 200)
    for operation, path in (("list_jobs", "/v1/jobs"), ("list_datasets", "/v1/datasets")):
        page = call(bases[0], "GET", f"{path}?limit=1")
        assert sent(page) == declared(operation, 200) == {"link"}
        address = page.headers["link"].partition(";")[0].strip("<>")
        assert call(bases[0], "GET", address).status == 200


def test_a_missing_key_and_a_store_that_is_away_are_told_in_headers() -> None:
    with serving(Settings(api_keys=(SecretStr("one"),), workers=0, log_level="error")) as base:
        refused = call(base, "GET", "/v1/jobs")
        assert refused.status == 401
        assert sent(refused) == declared("list_jobs", 401) == {"www-authenticate"}
    with serving(Settings(database_url="postgresql://127.0.0.1:1/none", workers=0, log_level="error")) as base:
        away = call(base, "GET", "/v1/jobs")
        assert away.status == 503
        assert sent(away) == declared("list_jobs", 503) == {"retry-after"}


def test_the_same_errors_carry_the_same_headers_everywhere() -> None:
    expected = {"401": {"www-authenticate"}, "429": {"retry-after"}, "503": {"retry-after"}}
    for name, (_, _, operation) in OPERATIONS.items():
        for status in operation["responses"]:
            if status >= "400":
                assert declared(name, int(status)) == expected.get(status, set()), (name, status)
