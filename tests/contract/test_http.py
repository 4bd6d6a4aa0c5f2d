"""What HTTP promises: headers, pages, health, keys, documents, and one answer by every way in."""

import io
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from pydantic import SecretStr

from service.operations.asking import ask
from service.operations.loaded import examples_of
from service.operations.minima import minima, parse
from service.operations.plans import batches
from service.operations.plans.columns import plain
from service.operations.plans.running import run_here
from service.operations.table import BY_NAME, OPERATIONS
from service.schemas.error_kinds import ERROR_KINDS
from service.schemas.minima import MinimaAnswer
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings
from service.vocabulary import Property
from service.web import examples
from tests.serving import Reply, call, serving

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(7)
X = RNG.normal(size=(12, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * RNG.normal(size=12)
NETWORK: dict[str, Any] = {"layers": [{"width": 4, "weight_decay": 0.05}, {"width": 1, "weight_decay": 0.02}]}
SAMPLES = {"network": NETWORK, "data": {"kind": "samples", "x": X.tolist(), "y": Y.tolist()}}


def solve(base: str, problem: object) -> Any:
    reply = call(base, "POST", "/v1/minima", problem)
    assert reply.status == 200, reply.content
    return reply.json


def nulls_without_reason(value: Any, path: str = "") -> list[str]:
    """Paths of nulls whose object does not say why."""
    found: list[str] = []
    if isinstance(value, dict):
        reasons = value.get("reasons", {})
        found += [f"{path}.{name}" for name, item in value.items() if item is None and name not in reasons]
        for name, item in value.items():
            found += nulls_without_reason(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += nulls_without_reason(item, f"{path}[{index}]")
    return found


def test_the_example_of_the_documentation(base: str) -> None:
    answer = solve(base, DESIGN_EXAMPLE)
    minimum, thresholds, origin = answer["global_minimum"], answer["thresholds"], answer["origin"]
    assert answer["status"] == "exact"
    assert answer["certificate"]["kind"] == "certified"
    assert minimum["loss"] == pytest.approx(0.71592367, abs=1e-8)
    assert minimum["terms"] == pytest.approx({"fit": 0.25315672, "noise": 0.01314996, "decay": 0.44961699}, abs=1e-8)
    assert minimum["end_to_end_map"][0] == pytest.approx([0.64868999], abs=1e-8)
    assert not minimum["trivial"]
    assert minimum["attained"]
    assert minimum["rank"] == 1
    assert minimum["weights"] is None
    points = {(point["kind"], point["class"]): point for point in answer["stationary_points"]}
    assert points["origin", "local_minimum"]["loss"] == 1.0
    assert points["branch", "strict_saddle"]["loss"] == pytest.approx(1.01000569, abs=1e-8)
    assert points["branch", "strict_saddle"]["parameter_norm"] == pytest.approx(0.39000178, abs=1e-8)
    assert points["branch", "global_minimum"]["parameter_norm"] == pytest.approx(1.49936151, abs=1e-8)
    assert thresholds["critical_decay_scale"] == pytest.approx(1.70660116, abs=1e-8)
    assert thresholds["metastable_up_to_decay_scale"] == pytest.approx(2.03179535, abs=1e-7)
    assert thresholds["critical_noise_variance"] == pytest.approx(10.11215062, abs=1e-7)
    assert thresholds["transitions"][0]["norm_before"] == pytest.approx(0.43636364, abs=1e-8)
    assert origin["least_hessian_eigenvalue"] == pytest.approx(0.4, abs=1e-8)
    assert origin["barrier_height"] == pytest.approx(0.01000569, abs=1e-8)
    assert origin["escape_norm"] == pytest.approx(0.38490018, abs=1e-8)


def test_the_same_json_by_function_http_and_command_line(base: str, tmp_path: Path) -> None:
    asked = {"problem": DESIGN_EXAMPLE, "return": {"weights": "factors", "problem": True}}
    by_function = minima(parse(asked).request, Settings())
    by_http = call(base, "POST", "/v1/minima", asked)
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(asked))
    command = [sys.executable, "-c", "from service.cli import main; main()", "solve", str(file)]
    by_command = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    assert by_http.content == by_function.model_dump_json(exclude_unset=True).encode()
    assert by_command.stdout == by_http.content + b"\n"


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("form", ["npz", "multipart"])
def test_binary_bodies_mean_the_same(base: str, form: str, wrapped: bool) -> None:
    problem: dict[str, Any] = {"network": NETWORK, "data": {"kind": "samples"}}
    body, prefix = ({"problem": problem}, "problem.") if wrapped else (problem, "")
    arrays = {f"{prefix}data.x": np.asfortranarray(X), f"{prefix}data.y": Y}
    if form == "npz":
        stream = io.BytesIO()
        np.savez_compressed(stream, request=json.dumps(body), **arrays)
        content, kind = stream.getvalue(), "application/x-npz"
    else:
        parts = [b'Content-Disposition: form-data; name="problem"\r\n\r\n' + json.dumps(body).encode()]
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.save(stream, array)
            head = f'Content-Disposition: form-data; name="{name}"; filename="{name}.npy"\r\n\r\n'
            parts.append(head.encode() + stream.getvalue())
        content = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"
        kind = "multipart/form-data; boundary=x"
    reply = call(base, "POST", "/v1/minima", content, {"content-type": kind})
    assert reply.status == 200, reply.content
    assert reply.json == solve(base, SAMPLES)


@pytest.mark.parametrize(
    "problem",
    [
        DESIGN_EXAMPLE,
        SAMPLES,
        {**SAMPLES, "network": {**NETWORK, "bias": "output"}, "return": {"weights": "full"}},
        {"network": {"layers": [{"width": 1, "weight_decay": 0.1}]}, "data": {"kind": "example", "name": "diabetes"}},
        {"network": {"layers": [{"width": 2}, {"width": 1, "weight_decay": 0.1}]}, "data": SAMPLES["data"]},
        {"network": {"layers": [{"width": 2}, {"width": 1}]}, "data": SAMPLES["data"], "include": ["layer_norms"]},
        {
            "network": {"layers": [{"width": 2, "weight_decay": 9}, {"width": 1, "weight_decay": 9}]},
            "data": {"kind": "example", "name": "breast_cancer"},
        },
    ],
)
def test_every_null_has_a_reason(base: str, problem: object) -> None:
    answer = solve(base, problem)
    assert nulls_without_reason(answer) == []
    MinimaAnswer.model_validate(answer)


def test_classification_by_one_output(base: str) -> None:
    data = {"kind": "example", "name": "breast_cancer"}
    answer = solve(base, {"network": NETWORK, "data": data})
    assert answer["classes"] == [0, 1]
    assert answer["data"]["preparation"] == "centred and scaled"
    raw = solve(base, {"network": {**NETWORK, "bias": "output"}, "data": {**data, "raw": True}})
    assert raw["data"]["preparation"] == "raw"
    assert raw["problem_hash"] != answer["problem_hash"]


def test_wide_layers_come_back_factored(base: str) -> None:
    layers = [{"width": 10**6, "weight_decay": 0.01, "noise": {"kind": "dropout", "rate": 0.5}} for _ in range(2)]
    problem = {**DESIGN_EXAMPLE, "network": {"layers": [*layers, {"width": 1, "weight_decay": 0.01}]}}
    reply = call(base, "POST", "/v1/minima", {**problem, "return": {"weights": "factors"}})
    weights = reply.json["global_minimum"]["weights"]
    assert weights[1]["shape"] == [10**6, 10**6]
    assert weights[1]["left"]["length"] == 10**6
    assert len(reply.content) < 20_000


def test_full_weights_multiply_to_the_map(base: str) -> None:
    minimum = solve(base, {**SAMPLES, "return": {"weights": "full"}})["global_minimum"]
    first, last = (np.array(weight) for weight in minimum["weights"])
    assert first.shape == (4, 3)
    assert last.shape == (1, 4)
    np.testing.assert_allclose(last @ first, minimum["end_to_end_map"], rtol=1e-12)


def test_independent_problems_in_a_batch(base: str) -> None:
    reply = call(base, "POST", "/v1/minima/batch", {"problems": [DESIGN_EXAMPLE, {"problem": SAMPLES}]})
    assert reply.json["answers"] == [solve(base, DESIGN_EXAMPLE), solve(base, SAMPLES)]
    wrong = {"problems": [DESIGN_EXAMPLE, {"problem": {**SAMPLES, "colour": 1}}]}
    refused = call(base, "POST", "/v1/minima/batch", wrong)
    said = "is not a known field; known here: data, network, objective"
    assert refused.status == 200
    assert refused.json["answers"][0] == solve(base, DESIGN_EXAMPLE)
    assert refused.json["answers"][1] == {
        "type": "/problems/invalid-input",
        "title": "The problem is not valid",
        "status": 422,
        "detail": f"/problems/1/problem/colour {said}",
        "errors": [{"pointer": "/problems/1/problem/colour", "detail": said}],
        "index": 1,
    }
    labels = {**SAMPLES["data"], "y": [1.0 if row % 2 else -1.0 for row in range(len(X))]}
    uncovered = {**SAMPLES, "data": labels, "objective": {"loss": "exponential"}}
    mixed = call(base, "POST", "/v1/minima/batch", {"problems": [uncovered, DESIGN_EXAMPLE, 3]}).json["answers"]
    alone = call(base, "POST", "/v1/minima", uncovered).json
    for refused_one in (mixed[0], alone):
        del refused_one["nearest"]
    assert mixed[0] == {**alone, "index": 0}
    assert mixed[1] == solve(base, DESIGN_EXAMPLE)
    assert (mixed[2]["type"], mixed[2]["errors"][0]["pointer"]) == ("/problems/invalid-input", "/problems/2")


def test_independent_problems_as_columns(base: str) -> None:
    torch = {**DESIGN_EXAMPLE, "objective": {"convention": "torch"}}
    names = ["status", "loss", "lower_bound", "relative_gap", "norm", "trivial", "rank", "evaluation_fit"]
    listed = [DESIGN_EXAMPLE, SAMPLES, {"problem": torch}, DESIGN_EXAMPLE, DESIGN_EXAMPLE, DESIGN_EXAMPLE]
    reply = call(base, "POST", "/v1/minima/batch", {"problems": listed, "return": names})
    assert reply.status == 200, reply.content
    results = reply.json["results"]
    assert list(results) == names
    assert reply.json["count"] == len(listed)
    assert list(reply.json["reasons"]) == ["evaluation_fit"]
    for index, problem in enumerate(listed):
        single = solve(base, problem)
        assert results["status"][index] == single["status"]
        assert results["loss"][index] == pytest.approx(single["global_minimum"]["loss"], rel=2e-9)
        assert results["lower_bound"][index] == pytest.approx(single["certificate"]["lower_bound"], rel=2e-9)
        assert results["relative_gap"][index] <= 1e-9
        assert results["rank"][index] == single["global_minimum"]["rank"]
        assert results["evaluation_fit"][index] is None
    arrays = call(
        base, "POST", "/v1/minima/batch", {"problems": listed, "return": names}, {"accept": "application/x-npz"}
    )
    with np.load(io.BytesIO(arrays.content), allow_pickle=False) as archive:
        assert archive["status"].tolist() == results["status"]
        assert archive["loss"].tolist() == results["loss"]
    whole = {"problems": [{"problem": DESIGN_EXAMPLE, "return": {"weights": "full"}}], "return": ["loss"]}
    (refused,) = call(base, "POST", "/v1/minima/batch", whole).json["refused"]
    assert refused["errors"][0]["pointer"] == "/problems/0/return"
    unknown = call(base, "POST", "/v1/minima/batch", {"problems": [DESIGN_EXAMPLE], "return": ["losss"]})
    assert (unknown.status, unknown.json["errors"][0]["pointer"]) == (422, "/return/0")


@pytest.mark.parametrize("convention", ["mean", "torch", "half_sum"])
@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        ("decay_scale", [0.01, 1.0, 3.0, 100.0]),
        ("weight_decay", [0.001, 0.1, 2.0]),
        ("noise_variance", [0.0, 0.5, 4.0]),
        ("width", [1, 3, 1000]),
    ],
)
def test_a_sweep_equals_single_calls(base: str, parameter: str, values: list[float], convention: str) -> None:
    noisy = {"layers": [{**NETWORK["layers"][0], "noise": {"kind": "gaussian", "variance": 0.3}}, NETWORK["layers"][1]]}
    problem = {"network": noisy, "data": SAMPLES["data"], "objective": {"convention": convention}}
    names = ["loss", "fit", "noise", "decay", "norm", "parameter_norm", "trivial", "prediction_variance"]
    reply = call(base, "POST", "/v1/minima/batch", {"problem": problem, "vary": {parameter: values}, "return": names})
    assert reply.status == 200, reply.content
    results = reply.json["results"]
    for index, value in enumerate(values):
        single = solve(base, {**problem, "network": {"layers": varied(noisy["layers"], parameter, value)}})
        minimum = single["global_minimum"]
        best = next(point for point in single["stationary_points"] if point["class"] == "global_minimum")
        expected = {
            **minimum["terms"],
            **{name: minimum[name] for name in ("loss", "trivial", "prediction_variance")},
            "norm": best["norm"],
            "parameter_norm": best["parameter_norm"],
        }
        found = {name: results[name][index] for name in names}
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert found["loss"] == pytest.approx(expected["loss"], rel=1e-11)


def varied(layers: list[dict[str, Any]], parameter: str, value: float) -> list[dict[str, Any]]:
    hidden = range(len(layers) - 1)
    changed = [dict(layer) for layer in layers]
    for index, layer in enumerate(changed):
        if parameter == "decay_scale":
            layer["weight_decay"] *= value
        elif parameter == "weight_decay":
            layer["weight_decay"] = value
        elif parameter == "noise_variance" and index in hidden:
            layer["noise"] = {"kind": "gaussian", "variance": value}
        elif parameter == "width" and index in hidden:
            layer["width"] = value
    return changed


def test_a_sweep_in_and_out_as_arrays(base: str) -> None:
    values = np.geomspace(1e-3, 1e2, 1000)
    stream = io.BytesIO()
    asked = {"problem": DESIGN_EXAMPLE, "vary": {}, "return": ["loss", "trivial"]}
    np.savez(stream, request=json.dumps(asked), **{"vary.decay_scale": values})  # type: ignore[arg-type]  # a name
    headers = {"content-type": "application/x-npz", "accept": "application/x-npz"}
    reply = call(base, "POST", "/v1/minima/batch", stream.getvalue(), headers)
    assert reply.headers["content-type"] == "application/x-npz"
    with np.load(io.BytesIO(reply.content), allow_pickle=False) as archive:
        loss, trivial, answer = archive["loss"], archive["trivial"], json.loads(str(archive["answer"]))
    assert answer["count"] == 1000
    assert answer["parameter"] == "decay_scale"
    as_json = call(base, "POST", "/v1/minima/batch", {**asked, "vary": {"decay_scale": values.tolist()}}).json
    assert as_json["results"] == {"loss": loss.tolist(), "trivial": trivial.tolist()}
    assert as_json.items() >= answer.items()


def test_missing_numbers_of_a_sweep_are_null_with_a_reason(base: str) -> None:
    problem = {**SAMPLES, "network": {"layers": [{"width": 2, "weight_decay": 0.1}, {"width": 1}]}}
    asked = {"problem": problem, "vary": {"decay_scale": [1.0]}, "return": ["parameter_norm", "attained"]}
    answer = call(base, "POST", "/v1/minima/batch", asked).json
    assert answer["results"] == {"parameter_norm": [None], "attained": [False]}
    assert "no weights attain" in answer["reasons"]["parameter_norm"]


def test_the_evaluation_fit_chooses_a_decay(base: str) -> None:
    held_out = {"kind": "samples", "x": (X[:4] + 0.1).tolist(), "y": Y[:4].tolist()}
    problem = {**SAMPLES, "data": {**SAMPLES["data"], "evaluation": held_out}}
    single = solve(base, problem)["global_minimum"]
    end_to_end = np.array(single["end_to_end_map"])[0]
    expected = np.mean((np.array(held_out["x"]) @ end_to_end - Y[:4]) ** 2)
    assert single["evaluation_fit"] == pytest.approx(expected, rel=1e-9)
    asked = {"problem": problem, "vary": {"decay_scale": [1.0, 5.0]}, "return": ["evaluation_fit"]}
    results = call(base, "POST", "/v1/minima/batch", asked).json["results"]
    assert results["evaluation_fit"][0] == pytest.approx(expected, rel=1e-9)


def test_examples_can_stand_in_a_problem(base: str) -> None:
    listed = call(base, "GET", "/v1/examples").json["examples"]
    assert {row["name"] for row in listed} == {"diabetes", "wine", "breast_cancer", "linnerud", "iris", "digits"}
    for row in listed:
        example = call(base, "GET", f"/v1/examples/{row['name']}").json
        raw = call(base, "GET", f"/v1/examples/{row['name']}?raw=true").json
        x, published = np.array(example["data"]["x"]), np.array(raw["data"]["x"])
        assert x.shape == (row["samples"], row["inputs"]) == published.shape
        np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=1e-12)
        # a constant column, as Digits has, has no scale
        constant = published.std(axis=0) == 0.0
        np.testing.assert_allclose(x.var(axis=0), np.where(constant, 0.0, 1.0), rtol=1e-12)
        scales = np.where(constant, 1.0, published.std(axis=0))
        np.testing.assert_allclose((published - published.mean(axis=0)) / scales, x, atol=1e-9)
        assert row["licence"]
        assert row["source"]
        assert len(example["columns"]) == row["inputs"]
    diabetes = call(base, "GET", "/v1/examples/diabetes").json["data"]
    by_name = solve(base, {"network": NETWORK, "data": {"kind": "example", "name": "diabetes"}})
    assert solve(base, {"network": NETWORK, "data": diabetes})["global_minimum"] == by_name["global_minimum"]


def test_theorems_that_answers_cite_exist(base: str) -> None:
    listed = {row["id"]: row for row in call(base, "GET", "/v1/theorems").json["theorems"]}
    for about in Property:
        found = call(base, "GET", f"/v1/theorems?property={about}").json["theorems"]
        speak = [row for row in listed.values() if about in {one["property"] for one in row["conclusions"]}]
        assert found == speak
        assert found
    for cited in solve(base, DESIGN_EXAMPLE)["theorems"]:
        assert call(base, "GET", f"/v1/theorems/{cited}").json == listed[cited]
    asked = {**next(iter(examples_of(BY_NAME["ranks"]).values())), "include": ["rules"]}
    rules = call(base, "POST", "/v1/ranks", asked).json["rules"]
    assert {row["id"] for row in rules} == {name for name in listed if name.startswith("K-")}
    for row in rules:
        told = call(base, "GET", f"/v1/theorems/{row['id']}").json
        assert (told["rank_kind"], told["statement"]) == (row["kind"], row["statement"])
        assert told["certificate"]


@pytest.mark.parametrize("path", ["/", "/docs", "/problems", "/static/page.css", "/livez", "/readyz", "/version"])
def test_security_headers(base: str, path: str) -> None:
    headers = call(base, "GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert len(headers["x-request-id"]) == 32


def test_pages_are_self_contained(base: str) -> None:
    for path in ("/", "/docs", "/problems", *(f"/problems/{row.code}" for row in ERROR_KINDS)):
        page = call(base, "GET", path)
        assert page.status == 200
        assert page.headers["content-type"].startswith("text/html")
        text = page.content.decode()
        assert '<html lang="en">' in text
        assert "<title>" in text
        assert 'src="http' not in text
        assert 'href="http' not in text
        assert "<script>" not in text
        assert "style=" not in text
        assert call(base, "HEAD", path).headers["content-length"] == page.headers["content-length"]


def test_request_ids_are_kept_or_made(base: str) -> None:
    own = "0123456789abcdef0123456789abcdef"
    assert call(base, "GET", "/livez", headers={"x-request-id": own}).headers["x-request-id"] == own
    assert call(base, "GET", "/livez", headers={"x-request-id": "<b>"}).headers["x-request-id"] != "<b>"


def test_metrics_count_requests_by_route(base: str) -> None:
    solve(base, DESIGN_EXAMPLE)
    call(base, "GET", "/no-such-thing")
    metrics = call(base, "GET", "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    text = metrics.content.decode()
    assert 'minima_http_requests_total{method="POST",route="/v1/minima",status="200"}' in text
    assert 'route="unmatched",status="404"' in text
    assert "/no-such-thing" not in text


def test_keys_guard_the_api_and_nothing_else() -> None:
    with serving(Settings(api_keys=(SecretStr("one"), SecretStr("two")), log_level="error")) as base:
        for headers in ({}, {"x-api-key": "three"}, {"authorization": "Bearer on"}, {"authorization": "Basic one"}):
            refused = call(base, "POST", "/v1/minima", DESIGN_EXAMPLE, headers)
            assert refused.status == 401
            assert refused.json["type"] == "/problems/unauthorized"
            assert refused.headers["www-authenticate"] == "Bearer"
        for headers in ({"x-api-key": "one"}, {"authorization": "Bearer two"}):
            assert call(base, "POST", "/v1/minima", DESIGN_EXAMPLE, headers).status == 200
        assert call(base, "GET", "/v1/examples").status == 401
        for path in ("/livez", "/readyz", "/metrics", "/version", "/", "/docs", "/openapi.json"):
            assert call(base, "GET", path).status == 200


def test_other_sites_are_refused_unless_named(base: str) -> None:
    origin = {"origin": "https://lab.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in call(base, "GET", "/livez", headers=origin).headers
    with serving(Settings(cors_origins=("https://lab.example",), log_level="error")) as open_base:
        allowed = call(open_base, "OPTIONS", "/v1/minima", headers=origin)
        assert allowed.headers["access-control-allow-origin"] == "https://lab.example"
        other = call(open_base, "GET", "/livez", headers={"origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers


def test_large_bodies_get_the_same_answer_from_another_process(base: str) -> None:
    with serving(Settings(large_body_bytes=0, log_level="error")) as separate:
        assert solve(separate, SAMPLES) == solve(base, SAMPLES)
        for body in (b"{", json.dumps({**SAMPLES, "colour": 1}).encode()):
            here, there = (call(address, "POST", "/v1/minima", body) for address in (base, separate))
            assert (here.status, here.headers["content-type"]) == (there.status, there.headers["content-type"])
            assert here.json == there.json


def test_limits_are_settings() -> None:
    small = Settings(max_inputs=2, max_samples=5, max_layers=2, max_body_bytes=2000, log_level="error")
    with serving(small) as base:
        assert call(base, "POST", "/v1/minima", SAMPLES).json["limit"] == "max_samples"
        wide = {**SAMPLES, "data": {"kind": "samples", "x": X[:3].tolist(), "y": Y[:3].tolist()}}
        assert call(base, "POST", "/v1/minima", wide).json["limit"] == "max_inputs"
        assert call(base, "POST", "/v1/minima", DESIGN_EXAMPLE).json["limit"] == "max_layers"
        assert call(base, "POST", "/v1/minima", b" " * 2001).status == 413


def test_the_openapi_document_is_the_one_under_version_control(base: str) -> None:
    assert call(base, "GET", "/openapi.json").content == (ROOT / "openapi" / "openapi.json").read_bytes()


def test_the_examples_of_the_openapi_document_run(base: str) -> None:
    document = call(base, "GET", "/openapi.json").json
    assert document["openapi"].startswith("3.1")
    ran = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["operationId"].replace("_", "").isalpha()
            assert len(operation["operationId"]) < 20
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                assert call(base, method.upper(), path, example["value"]).status == 200
                ran += 1
    shown = [examples_of(row) for row in OPERATIONS if row.is_posted]
    assert ran == sum(map(len, shown))


@pytest.mark.parametrize("path", ["/v1/minima", "/v1/minima/batch"])
def test_the_answers_in_the_openapi_document_are_those_of_its_first_examples(base: str, path: str) -> None:
    operation = call(base, "GET", "/openapi.json").json["paths"][path]["post"]
    asked = next(iter(operation["requestBody"]["content"]["application/json"]["examples"].values()))["value"]
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    found = call(base, "POST", path, asked).json
    assert examples.same(shown, found), "run `make openapi`"
    assert not examples.same(shown, {**found, "solver": "another"})


def test_every_operation_has_its_route(base: str) -> None:
    paths = call(base, "GET", "/openapi.json").json["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods if path.startswith("/v1")}
    # jobs and data sets are read where they are stored; uploading one is an operation
    stored = {(method, path) for method, path in served if path.startswith(("/v1/jobs", "/v1/datasets"))}
    served -= stored - {("POST", "/v1/datasets")}
    assert served == {operation.route for operation in OPERATIONS if operation.route}


def test_a_computation_leaves_the_event_loop_free() -> None:
    """While large problems are being solved, health answers at once."""
    size = 300
    big = {"kind": "moments", "xx": np.eye(size).tolist(), "xy": np.ones((size, 1)).tolist(), "yy": 2.0 * size}
    problem = json.dumps({"network": NETWORK, "data": big}).encode()
    with serving(Settings(processes=1, log_level="error")) as base:
        replies: list[Reply] = []
        threads = [
            threading.Thread(target=lambda: replies.append(call(base, "POST", "/v1/minima", problem))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        waits = []
        while any(thread.is_alive() for thread in threads):
            waits.append(call(base, "GET", "/livez").seconds)
        for thread in threads:
            thread.join()
    assert [reply.status for reply in replies] == [200] * 3
    # On a machine that is busy with other work both take longer.
    assert sorted(waits)[len(waits) // 2] < 0.25 * max(reply.seconds for reply in replies)


def test_a_refused_problem_leaves_the_columns_of_the_others(base: str) -> None:
    known: dict[str, Any] = {"model": "linear_vae", "latent": 1, "decoder_variance": 0.5, "layers": [{"width": 1}]}
    learned = {name: value for name, value in known.items() if name != "decoder_variance"}
    skip = {
        **SAMPLES,
        "network": {**NETWORK, "skips": [{"from": 0, "to": 2, "kind": "trainable", "weight_decay": 0.1}]},
    }
    free = {
        "network": {
            "model": "unconstrained_features",
            "class_counts": [5, 4],
            "feature_weight_decay": 1e-3,
            "layers": [{"width": 2, "weight_decay": 1e-2}],
        },
        "data": {"kind": "none", "inputs": 3},
    }
    uncovered = {**SAMPLES, "network": {"layers": [{"width": 3, "activation": "tanh"}, {"width": 1}]}}
    itself = {"kind": "moments", "xx": [[1.0]], "xy": [[1.0]], "yy": 1.0}
    # a perfect fit whose loss has no lower bound
    perfect = {"network": learned, "data": itself}
    listed = [DESIGN_EXAMPLE, uncovered, skip, {"network": known, "data": itself}, perfect, {}, free, SAMPLES]
    names = ["status", "loss", "lower_bound", "norm", "trivial", "rank", "attained"]
    reply = call(base, "POST", "/v1/minima/batch", {"problems": listed, "return": names})
    assert reply.status == 200, reply.content
    results, refused = reply.json["results"], reply.json["refused"]
    alone = [call(base, "POST", "/v1/minima", problem) for problem in listed]
    assert [item["index"] for item in refused] == [i for i, each in enumerate(alone) if each.status != 200] == [1, 4, 5]
    assert set(reply.json["reasons"]) == set(names)
    for index, each in enumerate(alone):
        if each.status != 200:
            assert [results[name][index] for name in names] == [None] * len(names)
            assert next(item["type"] for item in refused if item["index"] == index) == each.json["type"]
            continue
        minimum = each.json["global_minimum"]
        assert results["status"][index] == each.json["status"]
        assert results["loss"][index] == pytest.approx(minimum["loss"], rel=1e-9)
        assert [results[name][index] for name in ("trivial", "rank", "attained")] == [
            minimum[name] for name in ("trivial", "rank", "attained")
        ]
    arrays = call(
        base, "POST", "/v1/minima/batch", {"problems": listed, "return": names}, {"accept": "application/x-npz"}
    )
    with np.load(io.BytesIO(arrays.content), allow_pickle=False) as archive:
        assert archive["status"][1] == ""
        assert np.isnan(archive["rank"][[1, 4, 5]]).all()
        assert archive["loss"][[0, 2, 3, 6, 7]].tolist() == [results["loss"][index] for index in (0, 2, 3, 6, 7)]


def test_a_batch_as_a_job_says_the_same_of_refused_problems(base: str) -> None:
    listed = [DESIGN_EXAMPLE, {"network": {"layers": []}}, SAMPLES]
    for wanted in ({}, {"return": ["loss", "trivial"]}):
        body = {"problems": listed, **wanted}
        at_once = call(base, "POST", "/v1/minima/batch", body).json
        question = ask("minima_batch", body, Settings())
        again = run_here(batches.batch_plan(question.request, Settings()), batches.WORK.functions)
        assert json.loads(orjson.dumps(plain(again))) == at_once


def test_a_large_map_is_left_out_where_it_is_not_wanted(base: str) -> None:
    problem = {**DESIGN_EXAMPLE, "data": {**DESIGN_EXAMPLE["data"]}}
    full = call(base, "POST", "/v1/minima", {"problem": problem}).json["global_minimum"]
    wanted = {"problem": problem, "return": {"map": False}}
    alone = call(base, "POST", "/v1/minima", wanted).json["global_minimum"]
    batch = call(base, "POST", "/v1/minima/batch", {"problems": [wanted]}).json["answers"][0]["global_minimum"]
    for found in (alone, batch):
        assert found["end_to_end_map"] is None
        assert found["reasons"]["end_to_end_map"] == "not requested: return.map is false"
        assert {name: value for name, value in found.items() if name not in ("end_to_end_map", "reasons")} == {
            name: value for name, value in full.items() if name not in ("end_to_end_map", "reasons")
        }


def test_the_map_in_units_sent_is_left_out_as_well(base: str) -> None:
    data = {"kind": "example", "name": "diabetes", "raw": True, "standardise": True}
    body = {"network": {"layers": [{"width": 2}, {"width": 1}]}, "data": data, "return": {"map": False}}
    found = call(base, "POST", "/v1/minima", body).json["global_minimum"]["in_units_sent"]
    assert found["end_to_end_map"] is None
    assert found["output_offset"] is not None
    assert "return.map" in found["reasons"]["end_to_end_map"]
