"""Bad input, case by case: problem details with the right status and pointer, quickly, and the service stays up."""

import gzip
import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from service.schemas.error_kinds import BY_CODE
from service.schemas.problem import DESIGN_EXAMPLE
from tests.serving import Reply, call
from tests.support.worst_bodies import crowded

TWO_INPUTS = {
    "network": {
        "layers": [
            {"width": 2, "weight_decay": 0.25, "noise": {"kind": "dropout", "rate": 0.25}},
            {"width": 1, "weight_decay": 0.125},
        ]
    },
    "data": {"kind": "moments", "xx": [[1.5, 0.25], [0.25, 1.0]], "xy": [[0.75], [0.5]], "yy": 1.25},
}
SAMPLES = {"kind": "samples", "x": [[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]], "y": [1.0, 2.0, 2.5]}


@dataclass(frozen=True)
class Case:
    name: str
    change: Callable[[dict[str, Any]], Any]
    code: str
    pointer: str | None
    says: str


def at(*path: str | int, to: Any) -> Callable[[dict[str, Any]], Any]:
    """Change one field of the problem."""

    def change(problem: dict[str, Any]) -> None:
        place: Any = problem
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


def both(*changes: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Several changes, one after the other."""

    def change(problem: dict[str, Any]) -> None:
        for one in changes:
            one(problem)

    return change


def without(name: str) -> Callable[[dict[str, Any]], Any]:
    """Leave a field out."""

    def change(problem: dict[str, Any]) -> None:
        del problem[name]

    return change


def text(old: str, new: str) -> Callable[[dict[str, Any]], Any]:
    """Change the body as text."""

    def change(problem: dict[str, Any]) -> bytes:
        body = json.dumps(problem)
        assert old in body
        return body.replace(old, new).encode()

    return change


def data(**fields: Any) -> Callable[[dict[str, Any]], Any]:
    return at("data", to={**SAMPLES, **fields})


def factor(**fields: Any) -> Callable[[dict[str, Any]], Any]:
    right = {"n": 3, "x_mean": [0.0], "y_mean": [0.0], "scale": [1.0, 1.0], "r": [[1.0, 0.5], [0.0, 1.0]]}
    return at("data", to={"kind": "factor", **right, **fields})


LAYER = ("network", "layers", 0)
CASES = [
    Case(
        "negative decay",
        at(*LAYER, "weight_decay", to=-0.25),
        "invalid-input",
        "/network/layers/0/weight_decay",
        "at least 0",
    ),
    Case(
        "rate of one",
        at(*LAYER, "noise", "rate", to=1.0),
        "invalid-input",
        "/network/layers/0/noise/rate",
        "less than 1",
    ),
    Case(
        "negative rate",
        at(*LAYER, "noise", "rate", to=-0.1),
        "invalid-input",
        "/network/layers/0/noise/rate",
        "at least 0",
    ),
    Case(
        "negative variance",
        at(*LAYER, "noise", to={"kind": "gaussian", "variance": -1}),
        "invalid-input",
        "/network/layers/0/noise/variance",
        "at least 0",
    ),
    Case(
        "unknown noise",
        at(*LAYER, "noise", to={"kind": "salt"}),
        "invalid-input",
        "/network/layers/0/noise/kind",
        "'dropout', 'gaussian'",
    ),
    Case(
        "noise on the output",
        at("network", "layers", 1, "noise", to={"kind": "gaussian", "variance": 1}),
        "invalid-input",
        "/network/layers/1/noise",
        "hidden layers only",
    ),
    Case("width zero", at(*LAYER, "width", to=0), "invalid-input", "/network/layers/0/width", "at least 1"),
    Case(
        "width of 10^9", at(*LAYER, "width", to=10**9), "limit-exceeded", "/network/layers/0/width", "max_width = 1e+07"
    ),
    Case("width of 400 digits", at(*LAYER, "width", to=10**400), "invalid-input", "/network/layers/0/width", "at most"),
    Case("fractional width", at(*LAYER, "width", to=2.5), "invalid-input", "/network/layers/0/width", "integer"),
    Case("width true", at(*LAYER, "width", to=True), "invalid-input", "/network/layers/0/width", "integer"),
    Case("width as text", at(*LAYER, "width", to="2"), "invalid-input", "/network/layers/0/width", "integer"),
    Case("no layers", at("network", "layers", to=[]), "invalid-input", "/network/layers", "at least 1 entry"),
    Case(
        "too many layers",
        at("network", "layers", to=[{"width": 1}] * 1001),
        "limit-exceeded",
        "/network/layers",
        "max_layers",
    ),
    Case(
        "leaky relu without slope",
        at(*LAYER, "activation", to="leaky_relu"),
        "invalid-input",
        "/network/layers/0/slope",
        "required",
    ),
    Case(
        "slope without leaky relu",
        at(*LAYER, "slope", to=0.1),
        "invalid-input",
        "/network/layers/0/slope",
        "leaky_relu only",
    ),
    Case(
        "frozen weights of a wrong shape",
        at(*LAYER, "frozen_weights", to=[[1.0]]),
        "invalid-input",
        "/network/layers/0/frozen_weights",
        "2 x 2",
    ),
    Case(
        "skip backwards",
        at("network", "skips", to=[{"from": 1, "to": 1, "kind": "identity"}]),
        "invalid-input",
        "/network/skips/0/from",
        "less than",
    ),
    Case(
        "skip beyond the output",
        at("network", "skips", to=[{"from": 0, "to": 3, "kind": "identity"}]),
        "invalid-input",
        "/network/skips/0/to",
        "at most 2",
    ),
    Case("unknown field", at("colour", to="red"), "invalid-input", "/colour", "not a known field"),
    Case(
        "unknown field inside",
        at(*LAYER, "colour", to="red"),
        "invalid-input",
        "/network/layers/0/colour",
        "not a known field",
    ),
    Case("a name that needs escaping", at("a/b~c", to=1), "invalid-input", "/a~1b~0c", "not a known field"),
    Case("a name of 10^5 letters", at("a" * 100_000, to=1), "invalid-input", "", "very long name"),
    Case(
        "unknown convention",
        at("objective", to={"convention": "median"}),
        "invalid-input",
        "/objective/convention",
        "'half_mean'",
    ),
    Case(
        "weights without weighted loss",
        at("objective", to={"weights": [1.0]}),
        "invalid-input",
        "/objective/weights",
        "weighted_squared only",
    ),
    Case(
        "weighted loss without weights",
        at("objective", to={"loss": "weighted_squared"}),
        "invalid-input",
        "/objective/weights",
        "required",
    ),
    Case(
        "weights not positive",
        at("objective", to={"loss": "weighted_squared", "weights": [0.0]}),
        "invalid-input",
        "/objective/weights",
        "positive",
    ),
    Case(
        "an identity between unequal widths",
        at("network", "skips", to=[{"from": 0, "to": 2, "kind": "identity"}]),
        "invalid-input",
        "/network/skips/0",
        "equal widths",
    ),
    Case(
        "decay of an identity",
        at("network", "skips", to=[{"from": 0, "to": 1, "kind": "identity", "weight_decay": 0.5}]),
        "invalid-input",
        "/network/skips/0/weight_decay",
        "have weights",
    ),
    Case(
        "class counts without their model",
        at("network", "class_counts", to=[3, 2]),
        "invalid-input",
        "/network/class_counts",
        "unconstrained_features only",
    ),
    Case(
        "free features without class counts",
        at("network", "model", to="unconstrained_features"),
        "invalid-input",
        "/network/class_counts",
        "required",
    ),
    Case(
        "free features on data",
        both(
            at("network", "model", to="unconstrained_features"),
            at("network", "class_counts", to=[3]),
            at("network", "feature_weight_decay", to=0.1),
        ),
        "invalid-input",
        "/data/kind",
        "must be none",
    ),
    Case(
        "a class without samples",
        at("network", "class_counts", to=[3, 0]),
        "invalid-input",
        "/network/class_counts/1",
        "at least 1",
    ),
    Case(
        "an autoencoder with hidden layers",
        both(at("network", "model", to="linear_vae"), at("network", "latent", to=1)),
        "invalid-input",
        "/network/layers",
        "one entry",
    ),
    Case(
        "an autoencoder without latents",
        at("network", "model", to="linear_vae"),
        "invalid-input",
        "/network/latent",
        "required",
    ),
    Case("sum without n", at("objective", to={"convention": "sum"}), "invalid-input", "/data/n", "required"),
    Case("bias without means", at("network", "bias", to="output"), "invalid-input", "/data/x_mean", "required"),
    Case(
        "xx not symmetric", at("data", "xx", to=[[1.5, 0.5], [0.25, 1.0]]), "invalid-input", "/data/xx", "not symmetric"
    ),
    Case(
        "xx not semidefinite",
        at("data", "xx", to=[[1.0, 1.5], [1.5, 1.0]]),
        "invalid-input",
        "/data/xx",
        "not positive semidefinite",
    ),
    Case("xx not square", at("data", "xx", to=[[1.0, 0.5]]), "invalid-input", "/data/xx", "square"),
    Case("xx ragged", at("data", "xx", to=[[1.0, 0.5], [0.5]]), "invalid-input", "/data/xx/1", "2 entries"),
    Case("xx empty", at("data", "xx", to=[]), "invalid-input", "/data/xx", "at least 1 entry"),
    Case("xx with an empty row", at("data", "xx", to=[[]]), "invalid-input", "/data/xx/0", "at least 1 entry"),
    Case(
        "xy of the wrong length",
        at("data", "xy", to=[[0.75], [0.5], [0.25]]),
        "invalid-input",
        "/data/xy",
        "each input (2)",
    ),
    Case(
        "xy outside the range",
        at("data", to={"kind": "moments", "xx": [[1.0, 1.0], [1.0, 1.0]], "xy": [[1.0], [-0.5]], "yy": 9.0}),
        "invalid-input",
        "/data/xy",
        "no data have these moments",
    ),
    Case("yy too small", at("data", "yy", to=0.125), "invalid-input", "/data/yy", "smaller than xx and xy allow"),
    Case("yy negative", at("data", "yy", to=-1.0), "invalid-input", "/data/yy", "negative"),
    Case(
        "mean too long", at("data", "x_mean", to=[9.0, 9.0]), "invalid-input", "/data/x_mean", "longer than xx allows"
    ),
    Case("mean of a wrong length", at("data", "x_mean", to=[0.0]), "invalid-input", "/data/x_mean", "2 entries"),
    Case(
        "two outputs, one in the data",
        at("network", "layers", 1, "width", to=2),
        "invalid-input",
        "/network/layers/1/width",
        "must be 1",
    ),
    Case("NaN as text", at("data", "yy", to="NaN"), "invalid-input", "/data/yy", "must be a number"),
    Case("Infinity as text", at("data", "yy", to="Infinity"), "invalid-input", "/data/yy", "must be a number"),
    Case("1e999", text("1.25", "1e999"), "invalid-input", "/data/yy", "finite"),
    Case("-1e999 in a matrix", text("0.75", "-1e999"), "invalid-input", "/data/xy/0/0", "finite"),
    Case("a number of 400 digits", text("1.25", "1" * 400), "invalid-input", "/data/yy", "range of double precision"),
    Case("a number of 5000 digits", text("1.25", "1" * 5000), "malformed-body", None, "out of range"),
    Case("NaN literal", text("1.25", "NaN"), "malformed-body", None, "line 1 column"),
    Case("Infinity literal", text("1.25", "Infinity"), "malformed-body", None, "line 1 column"),
    Case("broken JSON", lambda _: b'{"network": {"layers": [', "malformed-body", None, "not JSON"),
    Case("empty body", lambda _: b"", "malformed-body", None, "not JSON"),
    Case("bytes that are not text", lambda _: b'{"network": "\xff\xfe"}', "malformed-body", None, "not JSON"),
    Case("nested 100,000 deep", lambda _: b"[" * 100_000 + b"]" * 100_000, "malformed-body", None, "recursion"),
    Case("an array", lambda _: b"[]", "invalid-input", "", "must be an object"),
    Case("null", lambda _: b"null", "invalid-input", "", "must be an object"),
    Case("no data", without("data"), "invalid-input", "/data", "required"),
    Case("unknown data kind", at("data", to={"kind": "table", "id": "x"}), "invalid-input", "/data/kind", "'samples'"),
    Case(
        "a data set that never was",
        at("data", to={"kind": "dataset", "id": "x"}),
        "not-found",
        "/data/id",
        "not the id of a data set",
    ),
    Case("a data set without id", at("data", to={"kind": "dataset"}), "invalid-input", "/data/id", "is required"),
    Case("no data kind", at("data", to={}), "invalid-input", "/data/kind", "required"),
    Case(
        "data of kind none", at("data", to={"kind": "none", "inputs": 3}), "invalid-input", "/data/kind", "needs data"
    ),
    Case(
        "unknown example",
        at("data", to={"kind": "example", "name": "mnist"}),
        "invalid-input",
        "/data/name",
        "diabetes",
    ),
    Case("samples without rows", data(x=[]), "invalid-input", "/data/x", "at least 1 entry"),
    Case("more targets than samples", data(y=[1.0, 2.0, 3.0, 4.0]), "invalid-input", "/data/y", "3 entries"),
    Case("samples ragged", data(x=[[1.0, 2.0], [3.0], [4.0, 5.0]]), "invalid-input", "/data/x/1", "2 entries"),
    Case("targets of mixed kinds", data(y=[[1.0], 2.0, 3.0]), "invalid-input", "/data/y/1", "array"),
    Case("targets whose squares overflow", data(y=[1e200, 1.0, 2.0]), "invalid-input", "/data/y", "up to about 1e+154"),
    Case(
        "held-out inputs beyond those of the data",
        data(evaluation={**SAMPLES, "x": [[1e200, 1.0]] * 3}),
        "invalid-input",
        "/data/evaluation/x",
        "up to about 7e+69",
    ),
    Case("mean squares that overflow", at("data", "yy", to=1.5e308), "invalid-input", "/data/yy", "at most 1e+308"),
    Case("something below the diagonal", factor(r=[[1, 0], [0.5, 1]]), "invalid-input", "/data/r/1/0", "must be 0"),
    Case("a factor of another size", factor(scale=[1.0]), "invalid-input", "/data/scale", "2 entries"),
    Case("a scale of zero", factor(scale=[1.0, 0.0]), "invalid-input", "/data/scale/1", "greater than 0"),
    Case("a factor without samples", factor(n=0), "invalid-input", "/data/n", "at least 1"),
    Case(
        "a constant column that is standardised",
        data(x=[[1, 2]] * 3, standardise=True),
        "invalid-input",
        "/data/x",
        "constant",
    ),
    Case("fractional label", data(task="classification", y=[0, 1, 1.5]), "invalid-input", "/data/y/2", "integer label"),
    Case("one class", data(task="classification", y=[7, 7, 7]), "invalid-input", "/data/y", "two classes"),
    Case(
        "three classes on one output",
        data(task="classification", y=[0, 1, 2]),
        "invalid-input",
        "/network/layers/1/width",
        "must be 3",
    ),
    Case("labels of moments", at("data", "task", to="classification"), "invalid-input", "/data/task", "regression"),
    Case(
        "unknown label held out",
        data(task="classification", y=[0, 1, 1], evaluation={"kind": "samples", "x": [[1, 2]], "y": [7]}),
        "invalid-input",
        "/data/evaluation/y/0",
        "occurs in data.y",
    ),
    Case(
        "held-out inputs differ",
        data(evaluation={"kind": "samples", "x": [[1.0]], "y": [1.0]}),
        "invalid-input",
        "/data/evaluation/x",
        "2 inputs",
    ),
    Case(
        "held-out moments impossible",
        data(evaluation={"kind": "moments", "xx": [[1, 0], [0, -1]], "xy": [[0], [0]], "yy": 1}),
        "invalid-input",
        "/data/evaluation/xx",
        "semidefinite",
    ),
    Case(
        "weights spelled wrongly", at("return", to={"weights": "all"}), "invalid-input", "/return/weights", "'factors'"
    ),
    Case("time limit of zero", at("time_limit_s", to=0), "invalid-input", "/time_limit_s", "greater than 0"),
    Case("time limit of an hour", at("time_limit_s", to=3600), "limit-exceeded", "/time_limit_s", "max_seconds = 30"),
    Case(
        "full weights of a wide network",
        both(at(*LAYER, "width", to=10**7), at("return", to={"weights": "full"})),
        "limit-exceeded",
        "/return/weights",
        "max_returned_numbers",
    ),
    Case(
        "decay that overflows in the core",
        both(at(*LAYER, "weight_decay", to=1e308), at("objective", to={"convention": "half_mean"})),
        "invalid-input",
        "/network/layers/0/weight_decay",
        "range of double precision",
    ),
    Case(
        "decay whose curvature overflows",
        at(*LAYER, "weight_decay", to=1.7e308),
        "invalid-input",
        "/network/layers/0/weight_decay",
        "up to 1e+150",
    ),
    Case(
        "noise on the inputs that overflows",
        at("network", "input_noise", to={"kind": "gaussian", "variance": 1.7e308}),
        "invalid-input",
        "/network/input_noise",
        "up to 1e+150",
    ),
]


def body_of(case: Case) -> bytes:
    problem = json.loads(json.dumps(TWO_INPUTS))
    changed = case.change(problem)
    return changed if isinstance(changed, bytes) else json.dumps(problem).encode()


def check_problem(reply: Reply, code: str) -> dict[str, Any]:
    """The laws of every error: type, status, no value of the caller, no trace of the code."""
    assert reply.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = reply.json
    assert document["type"] == f"/problems/{code}"
    assert document["status"] == reply.status == BY_CODE[code].status
    assert document["title"]
    assert document["detail"]
    assert "Traceback" not in reply.content.decode()
    assert ".py" not in reply.content.decode()
    return document


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_problem(base: str, case: Case) -> None:
    reply = call(base, "POST", "/v1/minima", body_of(case))
    document = check_problem(reply, case.code)
    assert re.search(re.escape(case.says), document["detail"])
    if case.pointer is not None:
        assert case.pointer in [error["pointer"] for error in document["errors"]]
    assert reply.seconds < 30.0
    assert len(reply.content) < 4096


def test_pointers_lead_into_a_wrapped_body(base: str) -> None:
    wrapped = {"problem": {**DESIGN_EXAMPLE, "colour": "red"}, "return": {"weights": "all"}}
    document = check_problem(call(base, "POST", "/v1/minima", wrapped), "invalid-input")
    assert {error["pointer"] for error in document["errors"]} == {"/problem/colour", "/return/weights"}


def test_no_value_of_the_caller_is_repeated(base: str) -> None:
    secret = "patient-4711"
    problem = {**DESIGN_EXAMPLE, "data": {"kind": secret, "name": secret}, "objective": {"convention": secret}}
    reply = call(base, "POST", "/v1/minima", problem)
    check_problem(reply, "invalid-input")
    assert secret not in reply.content.decode()


def test_not_every_one_of_many_errors_is_listed(base: str) -> None:
    layers = [{"width": 0} for _ in range(500)]
    document = check_problem(
        call(base, "POST", "/v1/minima", {"network": {"layers": layers}, "data": {}}), "invalid-input"
    )
    assert len(document["errors"]) == 21
    assert "more errors" in document["errors"][-1]["detail"]


@pytest.mark.parametrize("layers", [[{"width": 2, "activation": "tanh"}, {"width": 1}], [{"width": 2}, {"width": 1}]])
def test_not_covered_names_each_solver_with_each_failed_hypothesis(base: str, layers: list[dict[str, Any]]) -> None:
    problem = {**TWO_INPUTS, "network": {"layers": layers}, "objective": {"loss": "logistic"}}
    document = check_problem(call(base, "POST", "/v1/minima", problem), "not-covered")
    failed = {item["hypothesis"]: item["reason"] for item in document["solvers"][0]["failed"]}
    assert document["solvers"][0]["solver"] == "scalar_output"
    assert ("linear activations" in failed) == ("activation" in layers[0])
    assert failed["squared loss"] == "the loss is logistic"


def test_a_body_of_100_mb_is_refused_by_its_announced_size(base: str) -> None:
    reply = call(base, "POST", "/v1/minima", b" " * 100_000_000)
    document = check_problem(reply, "body-too-large")
    assert "max_body_bytes = 33554432" in document["detail"]


def test_a_body_is_refused_by_its_actual_size(base: str) -> None:
    chunks = [b" " * 2**20] * 40
    host, port = base.removeprefix("http://").split(":")
    connection = HTTPConnection(host, int(port), timeout=30)
    connection.request("POST", "/v1/minima", iter(chunks), {"content-type": "application/json"}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["type"] == "/problems/body-too-large"
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": ""},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
    ids=str,
)
def test_wrong_media_type(base: str, headers: dict[str, str]) -> None:
    reply = call(base, "POST", "/v1/minima", json.dumps(DESIGN_EXAMPLE).encode(), headers)
    check_problem(reply, "unsupported-media-type")


@pytest.mark.parametrize("path", ["/v1/minima", "/v1/datasets"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "x-gzip", "identity, gzip", "anything"])
def test_packed_bodies_are_refused_unread(base: str, path: str, coding: str) -> None:
    bomb = gzip.compress(bytes(2**24))
    reply = call(base, "POST", path, bomb, {"content-type": KIND_OF[path], "content-encoding": coding})
    if path == "/v1/datasets" and coding in ("gzip", "identity, gzip", "zstd"):
        # text may be packed: it is unpacked piece by piece, and a line has an end
        check_problem(reply, "invalid-input")
        assert "must not be longer than" in reply.json["detail"]
        return
    check_problem(reply, "unsupported-media-type")
    assert reply.headers["accept-encoding"] == "identity"


def test_a_second_line_of_codings_is_read_as_well(base: str) -> None:
    address = urlsplit(base)
    assert address.hostname
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    try:
        connection.putrequest("POST", "/v1/minima")
        for name, value in {"content-type": "application/json", "content-length": "2"}.items():
            connection.putheader(name, value)
        for coding in ("identity", "gzip"):
            connection.putheader("content-encoding", coding)
        connection.endheaders(b"{}")
        assert connection.getresponse().status == 415
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/no-such-thing", "not-found"),
        ("GET", "/v1/examples/no-such-thing", "not-found"),
        ("GET", "/v1/theorems/no-such-thing", "not-found"),
        ("GET", "/problems/no-such-thing", "not-found"),
        ("GET", "/static/no-such-thing", "not-found"),
        ("GET", "/static/../app.py", "not-found"),
        ("PUT", "/v1/minima", "method-not-allowed"),
        ("GET", "/v1/minima", "method-not-allowed"),
        ("DELETE", "/", "method-not-allowed"),
        ("POST", "/static/page.css", "method-not-allowed"),
        ("GET", "/v1/examples/wine?raw=perhaps", "invalid-input"),
    ],
)
def test_wrong_address(base: str, method: str, path: str, code: str) -> None:
    reply = call(base, method, path)
    check_problem(reply, code)
    assert (code == "method-not-allowed") == ("allow" in reply.headers)


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def twice(entries: dict[str, bytes]) -> bytes:
    with warnings.catch_warnings(action="ignore"):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in (*entries.items(), *entries.items()):
                archive.writestr(name, content)
    return stream.getvalue()


def header_of(shape: str, descr: str = "<f8") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}"
    padded = text + " " * (63 - (10 + len(text)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode()


REQUEST = json.dumps({**DESIGN_EXAMPLE, "data": {"kind": "samples", "y": [1.0, 2.0]}})
X = np.array([[1.0], [2.0]])
NPZ = {"content-type": "application/x-npz"}
KIND_OF = {"/v1/minima": "application/json", "/v1/datasets": "text/csv"}
BAD_ARCHIVES: list[tuple[str, bytes, str, str]] = [
    ("not an archive", b"hello", "malformed-body", "not a readable .npz"),
    ("truncated", npz(request=REQUEST)[:-30], "malformed-body", "not a readable .npz"),
    ("without a request", npz(**{"data.x": X}), "malformed-body", "entry request"),
    ("request of numbers", npz(request=X), "malformed-body", "entry request"),
    ("request that is not JSON", npz(request="{"), "malformed-body", "not JSON"),
    (
        "objects",
        zipped({"request.npy": header_of("()", "|O") + b"\x80\x04K\x01."}),
        "malformed-body",
        "never unpickled",
    ),
    ("complex numbers", npz(request=REQUEST, **{"data.x": X * 1j}), "malformed-body", "must hold numbers"),
    ("text in an array", npz(request=REQUEST, **{"data.x": np.array(["a"])}), "malformed-body", "holds text"),
    (
        "a header that lies",
        zipped({"data.x.npy": header_of("(1000000000, 1000000000)")}),
        "malformed-body",
        "bytes that differs from its header",
    ),
    ("a negative shape", zipped({"data.x.npy": header_of("(-1, -1)") + b"12345678"}), "malformed-body", "header"),
    ("a bomb", zipped({"data.x.npy": bytes(64 * 2**20)}), "body-too-large", "unpacked"),
    ("4001 entries", zipped({f"{index}.npy": b"" for index in range(4001)}), "malformed-body", "4000 entries"),
    ("another compression", zipped({"a.npy": b"x" * 100}, zipfile.ZIP_LZMA), "malformed-body", "deflate"),
    ("a place that is taken", npz(request=REQUEST, **{"data.y": X}), "malformed-body", "given twice"),
    ("a place that does not exist", npz(request=REQUEST, **{"data.y.0.a": X}), "malformed-body", "does not belong"),
    (
        "NaN inside",
        npz(request=REQUEST, **{"data.x": np.array([[1.0], [np.nan]])}),
        "invalid-input",
        "/data/x/1/0 must be finite",
    ),
    (
        "long double that overflows",
        npz(request=REQUEST, **{"data.x": np.array([[1.0], [np.longdouble("1e4000")]])}),
        "invalid-input",
        "/data/x/1/0 must be finite",
    ),
    (
        "rows without numbers",
        zipped({"data.x.npy": header_of("(1000000000000000, 0)")}),
        "malformed-body",
        "must have rows of numbers",
    ),
    ("columns without rows", zipped({"data.x.npy": header_of(f"(0, {2**62})")}), "malformed-body", "header"),
    (
        "entries without bytes",
        zipped({"request.npy": header_of("(1000000000000000,)", "<U0")}),
        "malformed-body",
        "no bytes",
    ),
    (
        "half a character",
        zipped({"request.npy": header_of("()", "<U1") + b"\0\xd8\0\0"}),
        "malformed-body",
        "not a text",
    ),
    ("no character", zipped({"request.npy": header_of("()", "<U1") + b"\0\0\0\x7f"}), "malformed-body", "not a text"),
    ("a name of digits", npz(request=REQUEST, **{"data.x." + "9" * 150: X}), "malformed-body", "does not belong"),
    ("a name of steps", npz(request=REQUEST, **{"data" + ".x" * 90: X}), "malformed-body", "does not belong"),
    ("a long name", npz(request=REQUEST, **{"x" * 300: X}), "malformed-body", "longer than 200"),
    ("two entries of one name", twice({"a.npy": b""}), "malformed-body", "two entries"),
    ("a directory of half a million entries", crowded(5 * 10**5), "malformed-body", "more than 4000 entries"),
    (
        "a vector for a matrix",
        npz(request=REQUEST, **{"data.x": X[:, 0]}),
        "invalid-input",
        "/data/x/0 must be an array",
    ),
]


@pytest.mark.parametrize(
    ("content", "code", "says"), [row[1:] for row in BAD_ARCHIVES], ids=[row[0] for row in BAD_ARCHIVES]
)
def test_bad_archive(base: str, content: bytes, code: str, says: str) -> None:
    reply = call(base, "POST", "/v1/minima", content, NPZ)
    document = check_problem(reply, code)
    assert says in document["detail"]
    assert reply.seconds < 30.0


def test_bad_forms(base: str) -> None:
    for body in (b"", b"--x\r\n", b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n--x--\r\n'):
        reply = call(base, "POST", "/v1/minima", body, {"content-type": "multipart/form-data; boundary=x"})
        check_problem(reply, "malformed-body")
    reply = call(base, "POST", "/v1/minima", b"", {"content-type": "multipart/form-data"})
    check_problem(reply, "malformed-body")


def test_the_service_is_still_up(base: str) -> None:
    assert call(base, "GET", "/readyz").json["status"] == "ready"
    assert call(base, "POST", "/v1/minima", DESIGN_EXAMPLE).status == 200
