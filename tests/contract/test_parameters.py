"""Parameters and headers that are wrong are named as what they are, not as places in a body."""

from collections.abc import Iterator
from typing import Any

import pytest

from service.settings import Settings
from tests.serving import Reply, call, serving
from tests.support.openapi import PROBLEM, operations, parameters_of, resolved

CSV = b"a,b,c\n1.0,2.0,0.5\n-1.0,0.5,1.5\n0.5,-1.5,2.0\n"
PATHS = {"name": "diabetes", "problem_id": "x", "theorem_id": "x", "job_id": "0" * 32, "dataset_id": "0" * 32}
OTHERWISE_WRONG = [
    ("upload_dataset", "targets", "no-such-column"),
    ("upload_dataset", "ignore", "c"),
    ("upload_dataset", "one_hot", "true&targets=b&targets=c"),
    ("upload_dataset", "colour", "red"),
    ("list_jobs", "cursor", "bm90IGEgY3Vyc29y"),
    ("list_jobs", "limit", "501"),
    ("get_job_results", "after", "-2"),
]
"""Values of the right type."""


def wrong_values() -> Iterator[tuple[str, str, str]]:
    """A value of the wrong type for each parameter that has one."""
    for name, (_, _, operation) in operations().items():
        for parameter in parameters_of(operation):
            schema = resolved(parameter["schema"])
            if parameter["in"] == "query" and schema.get("type") != "array":
                yield name, parameter["name"], "!"
            elif parameter["in"] == "query":
                yield name, parameter["name"], "x" * (schema["items"]["maxLength"] + 1)


def refused(base: str, operation: str, query: str = "", headers: dict[str, str] | None = None) -> Reply:
    method, path, _ = operations()[operation]
    body, sent = (CSV, {"content-type": "text/csv"}) if method == "POST" else (None, {})
    return call(base, method, path.format_map(PATHS) + query, body, {**sent, **(headers or {})})


@pytest.mark.parametrize(("operation", "parameter", "value"), [*wrong_values(), *OTHERWISE_WRONG])
def test_a_wrong_parameter_is_named(base: str, operation: str, parameter: str, value: str) -> None:
    reply = refused(base, operation, f"?{parameter}={value}")
    assert (reply.status, reply.headers["content-type"]) == (422, PROBLEM)
    assert reply.json["type"] == "/problems/invalid-input"
    (error,) = reply.json["errors"]
    assert error["parameter"] == parameter
    assert set(error) == {"parameter", "detail"}
    assert reply.json["detail"].startswith(f"the parameter {parameter} ")
    assert value not in error["detail"].split()


def test_an_entry_of_a_parameter_is_named_by_its_place(base: str) -> None:
    reply = refused(base, "upload_dataset", "?targets=b&targets=no-such-column")
    (error,) = reply.json["errors"]
    assert error["parameter"] == "targets"
    assert error["detail"].endswith("(entry 1)")


def test_an_option_that_belongs_to_another_format_is_named(base: str) -> None:
    reply = call(base, "POST", "/v1/datasets?delimiter=tab", b"\x93NUMPY", {"content-type": "application/x-npy"})
    assert [item.get("parameter") for item in reply.json["errors"]] == ["delimiter"]


def test_a_parameter_that_carries_parameters_is_named_with_the_one_that_is_wrong(base: str) -> None:
    made = call(
        base, "POST", "/v1/problems", {"inputs": 3, "outputs": 1, "hidden_widths": [2], "rank": 1, "gap": 0.5}
    ).json
    with serving(Settings(max_inputs=2, log_level="error")) as small:
        reply = call(small, "GET", made["url"])
    assert (reply.status, reply.json["limit"]) == (422, "max_inputs")
    (error,) = reply.json["errors"]
    assert error["parameter"] == "problem_id"
    assert "inputs" in error["detail"]


@pytest.mark.parametrize("value", ["x", "-1", "9" * 30])
def test_a_wrong_header_is_named(base: str, value: str) -> None:
    reply = refused(base, "get_job_events", headers={"Last-Event-ID": value})
    assert (reply.status, reply.headers["content-type"]) == (422, PROBLEM)
    (error,) = reply.json["errors"]
    assert (error["header"].lower(), set(error)) == ("last-event-id", {"header", "detail"})


def test_every_error_is_a_problem_document() -> None:
    """Whoever refuses: the routing, the parameters, the keys, or the rules for other sites."""
    settings = Settings(api_keys=("one",), cors_origins=("https://lab.example",), log_level="error")  # type: ignore[arg-type]  # pydantic makes secrets of texts
    key = {"x-api-key": "one"}
    foreign = {"origin": "https://other.example", "access-control-request-method": "POST"}
    asked: list[tuple[int, str, str, dict[str, str], Any]] = [
        (400, "OPTIONS", "/v1/minima", foreign, None),
        (400, "POST", "/v1/minima", {**key, "content-type": "application/json"}, b"{"),
        (401, "GET", "/v1/jobs", {}, None),
        (404, "GET", "/nothing", {}, None),
        (404, "GET", "/static/nothing.js", {}, None),
        (404, "GET", "/v1/theorems/nothing", key, None),
        (405, "PUT", "/v1/minima", key, None),
        (405, "POST", "/static/nothing.js", {}, None),
        (415, "POST", "/v1/minima", {**key, "content-type": "text/plain"}, b"{}"),
        (422, "GET", "/v1/jobs?limit=0", key, None),
        (422, "POST", "/v1/minima", key, {}),
    ]
    with serving(settings) as base:
        for status, method, path, headers, body in asked:
            reply = call(base, method, path, body, headers)
            assert (reply.status, reply.headers["content-type"]) == (status, PROBLEM), (method, path)
            assert reply.json["status"] == status
        exposed = call(base, "GET", "/livez", headers={"origin": "https://lab.example"}).headers
    assert {"Location", "ETag", "Link"} <= set(exposed["access-control-expose-headers"].split(", "))


UNKNOWN = [
    ("upload_dataset", "standardize", "did you mean `standardise`?"),
    ("upload_dataset", "target", "did you mean `targets`?"),
    ("upload_dataset", "zzz", "known here: "),
    ("list_jobs", "limt", "did you mean `limit`?"),
    ("list_datasets", "curser", "did you mean `cursor`?"),
]


@pytest.mark.parametrize(("operation", "parameter", "says"), UNKNOWN)
def test_an_unknown_parameter_names_the_one_that_was_meant(
    base: str, operation: str, parameter: str, says: str
) -> None:
    reply = refused(base, operation, f"?{parameter}=true")
    assert (reply.status, reply.json["type"]) == (422, "/problems/invalid-input")
    (error,) = reply.json["errors"]
    assert error["parameter"] == parameter
    assert says in error["detail"]


@pytest.mark.parametrize("operation", [name for name, (_, path, _) in operations().items() if path.startswith("/v1/")])
def test_every_address_refuses_parameters_that_it_does_not_know(base: str, operation: str) -> None:
    method, path, _ = operations()[operation]
    reply = call(base, method, path.format_map(PATHS) + "?no_such_parameter=1", b"{}" if method == "POST" else None)
    assert reply.status == 422, (operation, reply.content)
    assert reply.json["errors"][0]["parameter"] == "no_such_parameter"
