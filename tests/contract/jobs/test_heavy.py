"""Phase diagrams and races over HTTP, inline and as jobs of real pools."""

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.jobs.codec import decode
from service.jobs.engines.fork_server import NICENESS
from service.jobs.identity import canonical
from service.jobs.kinds import KINDS
from service.operations.questions import limits_of, question_of
from service.schemas.flows import FLOW_EXAMPLE, FlowRequest
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.races import RacesAnswer
from service.schemas.sweeps import DiagramAnswer, DiagramRequest
from service.settings import Limits, Settings
from service.web.answering.questions import job_time
from tests.serving import Reply, call, serving
from tests.support.job_operations import run_question
from tests.support.job_stacks import until, until_found, worker_processes

SWEEPS, RACES, FLOWS = "/v1/sweeps", "/v1/races", "/v1/gradient-flows"
ASYNC = {"Prefer": "respond-async"}
WAIT = {"Prefer": "respond-async, wait=60"}
ARCHIVE = {"Accept": "application/x-npz"}
SAMPLES = {
    "kind": "samples",
    "x": [[1.0, 0.2], [-0.4, 1.0], [0.3, -1.2], [-0.9, 0.1]],
    "y": [0.9, -0.1, 0.0, -0.8],
    "evaluation": {"kind": "samples", "x": [[0.5, 0.5]], "y": [0.6]},
}
SWEEP = {
    "problem": {**DESIGN_EXAMPLE, "data": SAMPLES},
    "axes": [
        {"parameter": "decay_scale", "from": 0.01, "to": 10, "points": 12},
        {"parameter": "noise_variance", "from": 0, "to": 4, "points": 3},
    ],
}
RACE = {
    "problem": {**DESIGN_EXAMPLE, "data": SAMPLES},
    "optimisers": ["sgd", "adam", "lbfgs"],
    "initialisations": ["balanced_small", "xavier"],
    "runs": 3,
    "steps": 60,
    "seed": 2**53 + 1,
}


def settings(folder: Path, workers: int, **changes: Any) -> Settings:
    url = f"sqlite:///{folder}/jobs.db"
    return Settings(**{"database_url": url, "workers": workers, "log_level": "error", **changes})


@pytest.fixture
def base(bases: Sequence[str]) -> str:
    return bases[1]


def inline(base: str, path: str, body: object) -> dict[str, Any]:
    """An inline answer without the field that says that it is one."""
    reply = call(base, "POST", path, body)
    assert reply.status == 200, reply.content
    execution = reply.json["execution"]
    assert execution["run_as"] == "inline"
    assert "within the inline budget of 2 s" in execution["reason"]
    return {name: value for name, value in reply.json.items() if name != "execution"}


def as_job(base: str, path: str, body: object) -> Reply:
    reply = call(base, "POST", path, body, WAIT)
    assert reply.status == 200, reply.content
    assert reply.headers["location"].startswith("/v1/jobs/")
    assert reply.headers["etag"]
    return reply


def test_a_phase_diagram_is_the_same_inline_and_as_a_job(base: str) -> None:
    found = inline(base, SWEEPS, SWEEP)
    assert found["shape"] == [12, 3]
    assert len(found["results"]["evaluation_fit"]) == 36
    reply = as_job(base, SWEEPS, SWEEP)
    assert reply.json == found
    DiagramAnswer.model_validate_json(reply.content)
    status = call(base, "GET", reply.headers["location"]).json
    assert (status["operation"], status["run_as_reason"]) == ("sweeps", "the caller prefers a job")
    assert status["chunks_total"] == 3


def test_a_race_is_the_same_for_one_and_two_workers_and_inline(bases: Sequence[str]) -> None:
    replies = [as_job(base, RACES, RACE) for base in bases]
    assert replies[0].content == replies[1].content
    assert replies[0].headers["etag"] == replies[1].headers["etag"]
    assert replies[0].json == inline(bases[0], RACES, RACE)
    RacesAnswer.model_validate_json(replies[0].content)


def test_a_flow_goes_on_when_its_worker_is_killed_and_stops_when_asked(tmp_path: Path) -> None:
    network = {"layers": [{"width": 8, "activation": "relu"}, {"width": 6}, {"width": 1}]}
    bent = {"problem": {**FLOW_EXAMPLE["problem"], "network": network, "objective": {"loss": "logistic"}}}
    body = {**bent, "until": {"log_loss": -8000}}
    others = {process.pid for process in worker_processes(os.getpid())}
    with serving(settings(tmp_path, 1)) as base:
        job = call(base, "POST", FLOWS, body, ASYNC).headers["location"]
        until(lambda: call(base, "GET", job).json["chunks_done"] >= 2)
        worker = until_found(lambda: [row for row in worker_processes(os.getpid()) if row.pid not in others])
        assert call(base, "GET", job).json["state"] == "running"
        # the server comes first
        assert worker.nice() == min(os.nice(0) + NICENESS, 19)
        worker.kill()
        moments = [
            moment
            for chunk in call(base, "GET", f"{job}/results?partial=true").json["chunks"]
            for moment in chunk["value"]["moments"]
        ]
        assert moments[-1]["log_loss"] < moments[0]["log_loss"]
        until(lambda: call(base, "GET", job).json["state"] == "successful")
        answered = call(base, "GET", f"{job}/results").json
        asked = question_of(FlowRequest.model_validate(body), Limits())
        assert answered == decode(run_question(KINDS["gradient_flows"], asked))
        endless = {**body, "until": {"log_loss": -1e6, "evaluations": 10_000_000}}
        other = call(base, "POST", FLOWS, endless)
        assert other.status == 202
        until(lambda: call(base, "GET", other.headers["location"]).json["chunks_done"] >= 1)
        call(base, "DELETE", other.headers["location"])
        until(lambda: call(base, "GET", other.headers["location"]).json["state"] == "dismissed", 10.0)


def test_another_seed_is_another_race(base: str) -> None:
    other = as_job(base, RACES, {**RACE, "seed": 2**53}).json
    assert other["groups"] != as_job(base, RACES, RACE).json["groups"]


@pytest.mark.parametrize("path", [SWEEPS, RACES, FLOWS])
def test_a_problem_alone_is_enough(base: str, path: str) -> None:
    # one that no other test has asked this server about: an answer that is there would be given at once
    alone = {"problem": {**DESIGN_EXAMPLE, "data": {**DESIGN_EXAMPLE["data"], "yy": 1.0625}}}
    reply = call(base, "POST", path, alone, ASYNC)
    assert reply.status == 202
    call(base, "DELETE", reply.headers["location"])
    if path == SWEEPS:
        assert inline(base, path, alone)["shape"] == [1000]


def test_what_is_estimated_to_take_long_becomes_a_job_and_says_why(tmp_path: Path) -> None:
    with serving(settings(tmp_path, 0)) as base:
        reply = call(base, "POST", RACES, {"problem": DESIGN_EXAMPLE})
        assert reply.status == 202
        assert "preference-applied" not in reply.headers
        assert reply.json["run_as_reason"].endswith("s exceed the inline budget of 2 s")
        assert reply.json["cost_estimate_s"] > 2
        both = call(base, "POST", RACES, {"problem": DESIGN_EXAMPLE, "seed": 1}, ASYNC)
        assert both.headers["preference-applied"] == "respond-async"
        assert "the caller prefers" in both.json["run_as_reason"]


@pytest.mark.parametrize("headers", [{}, ASYNC])
@pytest.mark.parametrize(
    ("path", "body", "limit", "pointer"),
    [
        (
            SWEEPS,
            {"axes": [{**axis, "points": 10**6} for axis in SWEEP["axes"]]},  # type: ignore[dict-item]  # a list of dicts
            "max_sweep_points",
            "/axes",
        ),
        (RACES, {"runs": 10**12}, "max_race_runs", "/runs"),
        (SWEEPS, {"time_limit_s": 1e9}, "max_job_seconds", "/time_limit_s"),
    ],
)
def test_what_is_too_much_is_refused_by_name(
    base: str, path: str, body: dict[str, Any], limit: str, pointer: str, headers: dict[str, str]
) -> None:
    before = call(base, "GET", "/v1/jobs?limit=500").json["jobs"]
    reply = call(base, "POST", path, {"problem": DESIGN_EXAMPLE, **body}, headers)
    assert (reply.status, reply.json["type"]) == (422, "/problems/limit-exceeded")
    assert limit in json.dumps(reply.json)
    assert [error["pointer"] for error in reply.json["errors"]] == [pointer]
    assert len(call(base, "GET", "/v1/jobs?limit=500").json["jobs"]) == len(before)


def test_bad_questions_are_refused_by_field(base: str) -> None:
    unknown = call(base, "POST", SWEEPS, {"problem": DESIGN_EXAMPLE, "axis": []})
    assert (unknown.status, unknown.json["errors"][0]["pointer"]) == (422, "/axis")
    assert call(base, "POST", RACES, []).status == 422
    assert call(base, "POST", RACES, b"{").status == 400
    nothing = {**DESIGN_EXAMPLE, "data": {"kind": "none", "inputs": 2}}
    for path in (SWEEPS, RACES, FLOWS):
        reply = call(base, "POST", path, {"problem": nothing})
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/problem/data/kind")
    sampled = call(base, "POST", RACES, {"problem": DESIGN_EXAMPLE, "optimisers": ["sgd"]})
    assert (sampled.status, sampled.json["errors"][0]["pointer"]) == (422, "/problem/data/kind")


def members(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_archives_hold_what_json_holds(base: str) -> None:
    found = inline(base, SWEEPS, SWEEP)
    reply = call(base, "POST", SWEEPS, SWEEP, ARCHIVE)
    assert reply.headers["content-type"] == "application/x-npz"
    arrays = members(reply.content)
    assert arrays["results/loss"].tolist() == found["results"]["loss"]
    rest = json.loads(arrays["__json__"].tobytes())
    assert rest["boundaries"] == found["boundaries"]
    assert rest["execution"]["run_as"] == "inline"
    stored = call(base, "POST", SWEEPS, SWEEP, {**WAIT, **ARCHIVE})
    assert members(stored.content)["results/loss"].tolist() == found["results"]["loss"]


def test_large_answers_are_archives(base: str) -> None:
    axis = {"parameter": "decay_scale", "from": 0.01, "to": 10, "points": 300_000}
    body = {"problem": DESIGN_EXAMPLE, "axes": [axis], "return": ["loss", "norm"]}
    reply = call(base, "POST", SWEEPS, body)
    assert reply.headers["content-type"] == "application/x-npz"
    assert members(reply.content)["results/norm"].shape == (300_000,)


def test_large_bodies_are_read_elsewhere_and_ask_the_same_questions(base: str, tmp_path: Path) -> None:
    with serving(settings(tmp_path, 0, large_body_bytes=0, queue_limit=2)) as other:
        assert inline(other, SWEEPS, SWEEP) == inline(base, SWEEPS, SWEEP)
        for path, body in ((SWEEPS, SWEEP), ("/v1/landscape", SWEEP["problem"])):
            asked = [call(one, "POST", path, body, ASYNC) for one in (base, other)]
            assert asked[1].status == 202
            assert asked[0].headers["location"] == asked[1].headers["location"]
            assert asked[1].json["run_as_reason"] == "the caller prefers a job"
        full = call(other, "POST", RACES, RACE, ASYNC)
        assert (full.status, full.json["type"], full.headers["retry-after"]) == (429, "/problems/queue-full", "5")
        wrong = call(other, "POST", SWEEPS, {"problem": DESIGN_EXAMPLE, "axis": []})
        assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/axis")
        assert call(other, "POST", SWEEPS, b"{", ASYNC).status == 400


def test_an_inline_answer_stops_at_the_time_limit(base: str) -> None:
    reply = call(base, "POST", RACES, {**RACE, "time_limit_s": 1e-6})
    assert (reply.status, reply.json["type"]) == (422, "/problems/limit-exceeded")
    assert reply.json["limit"] == "time_limit_s"
    assert [each["pointer"] for each in reply.json["errors"]] == ["/time_limit_s"]


@pytest.mark.parametrize(
    "body",
    [
        {"problems": [DESIGN_EXAMPLE, *({"problem": {**DESIGN_EXAMPLE, "data": SAMPLES}},) * 20]},
        {"problems": [DESIGN_EXAMPLE] * 5, "return": ["status", "loss", "parameter_norm"]},
        {
            "problem": DESIGN_EXAMPLE,
            "vary": {"width": [1, 2, 8]},
            "return": ["loss", "trivial", "rank", "parameter_norm"],
        },
        {"problem": DESIGN_EXAMPLE, "vary": {"decay_scale": [0.0, 1.0, 1.8]}, "return": ["loss", "norm"]},
    ],
)
def test_a_batch_is_the_same_inline_and_as_a_job(base: str, body: dict[str, Any]) -> None:
    direct = call(base, "POST", "/v1/minima/batch", body)
    assert direct.status == 200
    assert as_job(base, "/v1/minima/batch", body).json == direct.json


def test_a_bad_problem_in_a_batch_has_its_place_among_the_answers_of_the_job(base: str) -> None:
    bad = {**DESIGN_EXAMPLE, "data": {**DESIGN_EXAMPLE["data"], "yy": -1.0}}
    listed = [*[DESIGN_EXAMPLE] * 17, bad, {"network": 3}]
    answers = as_job(base, "/v1/minima/batch", {"problems": listed}).json["answers"]
    assert all("global_minimum" in each for each in answers[:17])
    assert [(each["index"], each["status"]) for each in answers[17:]] == [(17, 422), (18, 422)]
    assert answers == call(base, "POST", "/v1/minima/batch", {"problems": listed}).json["answers"]


def test_the_canonical_form_of_a_question_has_the_same_plan_and_answer() -> None:
    asked = question_of(DiagramRequest.model_validate(SWEEP), Limits())
    again = json.loads(json.dumps(canonical(asked)))
    assert limits_of(again) == Limits()
    assert run_question(KINDS["sweeps"], again) == run_question(KINDS["sweeps"], asked)


def test_named_columns_stay_as_they_are() -> None:
    body = {**SWEEP, "return": ["loss"]}
    asked = question_of(DiagramRequest.model_validate(body), Limits())
    assert asked["question"]["return"] == ["loss"]


def test_a_job_takes_the_time_that_is_asked_for_or_the_most() -> None:
    assert job_time(None, 60.0) == 60.0
    assert job_time(5.0, 60.0) == 5.0


def test_a_certified_search_out_of_time_is_bounded_and_tells_what_it_knows_on_the_way(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((60, 6))
    y = np.sin(2.0 * x[:, 0]) + rng.standard_normal(60)
    layers = [{"width": 40, "activation": "relu", "weight_decay": 0.01}, {"width": 1, "weight_decay": 0.01}]
    data = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    # more than an inline answer may take, and far less than the proof
    body = {"problem": {"network": {"layers": layers}, "data": data}, "effort": 10**8, "time_limit_s": 31.0}
    with serving(settings(tmp_path, 1)) as base:
        long = call(base, "POST", "/v1/relu-minima", body, ASYNC).headers["location"]
        body["time_limit_s"] = 3.0
        job = call(base, "POST", "/v1/relu-minima", body, ASYNC).headers["location"]
        assert job != long
        assert call(base, "DELETE", long).status in (200, 202)
        until(lambda: call(base, "GET", job).json["chunks_done"] >= 1)
        first = call(base, "GET", f"{job}/results?partial=true").json["chunks"][0]["value"]
        assert 0.0 < first["lower_bound"] < first["loss"]
        assert first["gap"] == pytest.approx(1.0 - first["lower_bound"] / first["loss"])
        until(lambda: call(base, "GET", job).json["state"] not in ("accepted", "running"))
        assert call(base, "GET", job).json["state"] == "successful"
        answer = call(base, "GET", f"{job}/results").json
    proof = answer["certificate"]
    assert answer["status"] == proof["kind"] == "bounded"
    assert first["lower_bound"] * (1.0 - 1e-9) <= proof["lower_bound"] < proof["upper_bound"]
    assert proof["upper_bound"] <= first["loss"] * (1.0 + 1e-9)
