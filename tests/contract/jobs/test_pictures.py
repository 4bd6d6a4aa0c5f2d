"""Slices, spectra and paths over HTTP: inline, as jobs, as pictures, and what is refused."""

import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from service.operations.table import BY_NAME
from service.schemas.base import Wire
from service.schemas.connectivity import ConnectivityAnswer
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.slices import SLICE_EXAMPLE, SlicesAnswer
from service.schemas.spectra import SpectraAnswer
from tests.serving import Reply, call

SLICES, SPECTRA, CONNECTIVITY = "/v1/slices", "/v1/spectra", "/v1/connectivity"
TANH = SLICE_EXAMPLE["problem"]
WAIT = {"Prefer": "respond-async, wait=60"}
SVG, PNG = {"Accept": "image/svg+xml"}, {"Accept": "image/png"}
QUICK = {"problem": TANH, "training_steps": 30, "seed": 5}
ASKED = {
    SLICES: {**QUICK, "points": 9},
    SPECTRA: {**QUICK, "method": "lanczos", "probes": 3, "lanczos_steps": 6},
    CONNECTIVITY: {**QUICK, "points": 11, "rounds": 2, "round_steps": 3, "widths": [2, 8], "runs": 3},
}
ANSWERS: dict[str, type[Wire]] = {SLICES: SlicesAnswer, SPECTRA: SpectraAnswer, CONNECTIVITY: ConnectivityAnswer}


@pytest.fixture
def base(bases: Sequence[str]) -> str:
    return bases[0]


def found(base: str, path: str, body: object, headers: dict[str, str] | None = None) -> Any:
    reply = call(base, "POST", path, body, headers or {})
    assert reply.status == 200, reply.content
    return reply.json


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "execution"}


@pytest.mark.parametrize("path", ASKED)
def test_inline_and_jobs_on_any_number_of_workers_agree_to_the_last_bit(bases: Sequence[str], path: str) -> None:
    inline = found(bases[0], path, ASKED[path])
    assert inline["execution"]["run_as"] == "inline"
    ANSWERS[path].model_validate(inline)
    for base in bases if path == SLICES else bases[1:]:
        assert found(base, path, ASKED[path], WAIT) == plain(inline)
    assert found(bases[0], path, {**ASKED[path], "seed": 6}) != inline


def test_a_job_tells_its_chunks_and_draws_its_result(base: str) -> None:
    reply = call(base, "POST", SLICES, ASKED[SLICES], WAIT)
    job = reply.headers["location"]
    partial = call(base, "GET", f"{job}/results?partial=true").json
    assert partial["chunks_done"] == partial["chunks_total"] == len(partial["chunks"])
    assert partial["chunks"][0]["value"]["source"] == "trained"
    picture = call(base, "GET", f"{job}/results", None, SVG)
    assert picture.content == call(base, "POST", SLICES, ASKED[SLICES], SVG).content
    assert picture.headers["etag"] != reply.headers["etag"]
    again = call(base, "GET", f"{job}/results", None, {**SVG, "If-None-Match": picture.headers["etag"]})
    assert again.status == 304


def test_a_slice_holds_the_loss_of_its_centre_and_scales_with_the_convention(base: str) -> None:
    answer = found(base, SLICES, ASKED[SLICES])
    losses = np.array(answer["loss"]).reshape(answer["shape"])
    assert losses.shape == (9, 9)
    assert losses[4, 4] == pytest.approx(answer["centre"]["loss"], rel=1e-9)
    assert answer["lowest"]["loss"] == losses.min()
    assert answer["evidence"] == "observed"
    doubled = found(base, SLICES, {**ASKED[SLICES], "problem": {**TANH, "objective": {"convention": "sum"}}})
    np.testing.assert_allclose(doubled["loss"], 8.0 * np.array(answer["loss"]), rtol=1e-12)


def test_the_line_from_the_global_minimum_to_the_origin_shows_the_barrier(base: str) -> None:
    body = {"problem": DESIGN_EXAMPLE, "kind": "interpolation", "points": 601}
    answer = found(base, SLICES, body)
    minima = found(base, "/v1/minima", DESIGN_EXAMPLE)
    # rank-one aligned layers: the straight line passes the reduced saddle
    assert answer["interpolation"]["barrier"] == pytest.approx(minima["origin"]["barrier_height"], rel=1e-2)
    assert answer["global_minimum"]["loss"] == minima["global_minimum"]["loss"]
    assert min(answer["loss"]) >= minima["certificate"]["lower_bound"]


def test_stationary_points_of_the_solver_are_stationary(base: str) -> None:
    points = found(base, "/v1/minima", DESIGN_EXAMPLE)["stationary_points"]
    for place, point in enumerate(points):
        answer = found(base, SPECTRA, {"problem": DESIGN_EXAMPLE, "at": place})
        assert answer["point"]["loss"] == pytest.approx(point["loss"], rel=1e-9)
        assert answer["point"]["gradient_norm"] <= 1e-9
        assert answer["point"]["parameter_norm"] == pytest.approx(point["parameter_norm"], abs=1e-9)
        saddle = point["class"] == "strict_saddle"
        assert (answer["least"]["value"] < -1e-6) == saddle
        assert answer["trace"]["value"] == pytest.approx(sum(answer["eigenvalues"]))


def test_lanczos_agrees_with_all_eigenvalues(base: str) -> None:
    exact = found(base, SPECTRA, {**QUICK, "method": "exact"})
    lanczos = found(base, SPECTRA, {**QUICK, "method": "lanczos", "probes": 4, "lanczos_steps": 13})
    for end in ("largest", "least"):
        allowed = lanczos[end]["residual"] + exact[end]["residual"] + 1e-9
        assert abs(lanczos[end]["value"] - exact[end]["value"]) <= allowed
    assert abs(lanczos["trace"]["value"] - exact["trace"]["value"]) <= 6.0 * lanczos["trace"]["standard_error"]


def test_paths_of_a_wide_network_stay_below_the_ends(base: str) -> None:
    wide = {**TANH, "network": {"layers": [{"width": 16, "activation": "tanh"}, {"width": 1}], "bias": "all"}}
    answer = found(base, CONNECTIVITY, {**QUICK, "problem": wide, "rounds": 0, "points": 9, "include": ["points"]})
    explicit = answer["explicit"]
    assert explicit["evidence"] == "certified"
    assert max(explicit["loss"]) <= max(end["loss"] for end in answer["ends"]) * (1.0 + 1e-9)
    assert explicit["vertices"][0] == answer["ends"][0]["point"]
    assert answer["bezier"] is None
    assert set(answer["reasons"]) == {"bezier", "widths"}


def test_summaries_include_small_pictures_or_say_why_not(base: str) -> None:
    include = ["hessian", "slice", "interpolation"]
    answer = found(base, "/v1/landscape", {**DESIGN_EXAMPLE, "include": include})
    assert answer["slice"]["shape"] == [21, 21]
    assert answer["interpolation"]["end"]["source"] == "origin"
    assert answer["hessian"]["least"]["value"] >= -1e-9
    nothing = {"network": DESIGN_EXAMPLE["network"], "data": {"kind": "none", "inputs": 1}, "include": include}
    silent = found(base, "/v1/landscape", nothing)
    assert all(silent[name] is None and silent["reasons"][name] for name in include)


@pytest.mark.parametrize(
    ("path", "body", "form"),
    [
        (SLICES, {**QUICK, "points": 7}, SVG),
        (SLICES, {**QUICK, "points": 7, "kind": "line", "directions": 3}, PNG),
        (SLICES, {**QUICK, "points": 7, "kind": "sharpness", "directions": 2}, PNG),
        (SPECTRA, QUICK, SVG),
        (CONNECTIVITY, ASKED[CONNECTIVITY], PNG),
        ("/v1/sweeps", {"problem": DESIGN_EXAMPLE}, PNG),
        ("/v1/landscape", {**DESIGN_EXAMPLE, "include": ["interpolation"]}, SVG),
        ("/v1/landscape", TANH, PNG),
    ],
)
def test_answers_are_pictures_where_the_caller_accepts_them(
    base: str, path: str, body: object, form: dict[str, str]
) -> None:
    reply = call(base, "POST", path, body, form)
    assert reply.status == 200, reply.content
    assert reply.headers["content-type"].startswith(form["Accept"])
    if form is SVG:
        assert ET.fromstring(reply.content).tag.endswith("svg")
    else:
        assert reply.content.startswith(b"\x89PNG")


def test_what_has_no_picture_names_the_routes_that_have_one(base: str) -> None:
    assert BY_NAME["minima"].draw is None
    reply = call(base, "POST", "/v1/minima", DESIGN_EXAMPLE, SVG)
    assert (reply.status, reply.json["type"]) == (406, "/problems/not-acceptable")
    assert "/v1/landscape" in reply.json["detail"]
    assert found(base, "/v1/minima", DESIGN_EXAMPLE, {"Accept": "image/svg+xml, */*;q=0.1"})["status"] == "exact"


def test_what_prefers_json_stays_json(base: str) -> None:
    for accept in ("application/json, image/svg+xml;q=0.5", "text/html,image/png,*/*;q=0.8", "*/*", "image/png;q=zero"):
        assert found(base, SLICES, ASKED[SLICES], {"Accept": accept})["kind"] == "plane"


def test_a_server_without_the_library_names_the_extra(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for path in (SLICES, "/v1/landscape"):
        reply = call(base, "POST", path, QUICK if path == SLICES else TANH, SVG)
        assert reply.status == 501
        assert reply.json["type"].endswith("/extra-missing")
        assert "analytic-minima-server[plots]" in reply.json["detail"]


def refused(base: str, path: str, body: object) -> Reply:
    reply = call(base, "POST", path, body)
    assert reply.status == 422, reply.content
    return reply


MOMENTS = {"network": {"layers": [{"width": 2, "activation": "relu"}, {"width": 1}]}, "data": DESIGN_EXAMPLE["data"]}
NOISY = {
    "network": {
        "layers": [{"width": 2, "activation": "relu", "noise": {"kind": "dropout", "rate": 0.1}}, {"width": 1}]
    },
    "data": TANH["data"],
}
WRONG = [[[0.0]] * 3, [[0.0] * 4]]


@pytest.mark.parametrize(
    ("path", "body", "pointer", "told"),
    [
        (SLICES, {"problem": TANH, "points": 501}, "/points", "max_slice_points"),
        (SLICES, {"problem": TANH, "kind": "line", "directions": 9999}, "/points", "max_slice_points"),
        (SLICES, {"problem": TANH, "points": 1}, "/points", "at least 2"),
        (SLICES, {"problem": TANH, "weights": WRONG}, "/weights/0", "must have 4 rows and 1 column"),
        (SLICES, {"problem": TANH, "at": "origin", "weights": WRONG}, "/at", "left out"),
        (SLICES, {"problem": TANH, "biases": [None, None]}, "/biases", "left out"),
        (SLICES, {"problem": TANH, "at": "summit"}, "/at", "one of"),
        (SLICES, {"problem": TANH, "at": "global_minimum"}, "/at", "is not known"),
        (SLICES, {"problem": DESIGN_EXAMPLE, "at": 3}, "/at", "less than 3"),
        (SLICES, {"problem": TANH, "to": "origin"}, "/to", "interpolation only"),
        (SLICES, {"problem": TANH, "kind": "interpolation", "to": {"weights": WRONG}}, "/to/weights/0", "4 rows"),
        (SLICES, {"problem": TANH, "directions": 3}, "/directions", "line and sharpness"),
        (SLICES, {"problem": MOMENTS}, "/problem/data/kind", "must have samples"),
        (SLICES, {"problem": NOISY}, "/problem/network/layers/0/noise", "left out"),
        (SPECTRA, {"problem": TANH, "probes": 1000, "lanczos_steps": 1001}, "/lanczos_steps", "at most 1000"),
        (CONNECTIVITY, {"problem": TANH, "ends": ["trained"]}, "/ends", "at least 2 entries"),
        (CONNECTIVITY, {"problem": TANH, "widths": [3, 10**6]}, "/widths/1", "max_picture_weights"),
        (CONNECTIVITY, {"problem": TANH, "rounds": 1000, "round_steps": 1000}, "/rounds", "max_picture_steps"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_field(
    base: str, path: str, body: dict[str, Any], pointer: str, told: str
) -> None:
    errors = refused(base, path, body).json["errors"]
    assert any(item["pointer"] == pointer and told in item["detail"] for item in errors), errors
