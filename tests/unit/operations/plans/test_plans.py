"""Plans of heavy operations: through JSON and back, whatever the chunks, and refused before they start."""

import json
from typing import Any

import numpy as np
import pytest

from service.core.dispatch import solve
from service.errors import InputError, LimitExceeded, NotCovered
from service.operations.mapping import problem as problem_mapping
from service.operations.plans import races, sweeps
from service.operations.plans.columns import joined, reference
from service.operations.plans.packing import pack, unpack
from service.operations.plans.plan import ChunkFunction, Plan, document_of
from service.operations.plans.running import run_here
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.races import RacesAnswer, RacesRequest
from service.schemas.sweeps import DiagramAnswer, DiagramRequest
from service.settings import Limits

LIMITS = Limits()
SAMPLES = {
    "kind": "samples",
    "x": [[1.0, 0.2], [-0.4, 1.0], [0.3, -1.2], [-0.9, 0.1]],
    "y": [0.9, -0.1, 0.0, -0.8],
    "evaluation": {"kind": "samples", "x": [[0.5, 0.5]], "y": [0.6]},
}
AXES = [
    {"parameter": "decay_scale", "from": 0.01, "to": 10, "points": 9},
    {"parameter": "noise_variance", "from": 0, "to": 4, "points": 5},
]


def through_json(plan: Plan, functions: dict[str, ChunkFunction]) -> Any:
    """Run a plan as an engine does: arguments and JSON parts of the results travel as text."""
    results = []
    for chunk in plan.chunks:
        arguments = json.loads(json.dumps(dict(chunk.arguments), allow_nan=False))
        results.append(document_of(functions[chunk.function](arguments, plan.arrays, ())))
    inputs = [*(reference(index, "") for index in range(plan.referenced)), *results[plan.referenced :]]
    answer = functions[plan.reducer](json.loads(json.dumps(dict(plan.arguments))), plan.arrays, inputs)
    return joined(document_of(answer), lambda part: results[part["$chunk"]])


def plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def swept(request: dict[str, Any]) -> dict[str, Any]:
    plan = sweeps.sweeps_plan(DiagramRequest.model_validate(request), LIMITS)
    answer: dict[str, Any] = plain(through_json(plan, dict(sweeps.WORK.functions)))
    DiagramAnswer.model_validate_json(json.dumps(answer))
    return answer


def raced(request: dict[str, Any]) -> dict[str, Any]:
    plan = races.races_plan(RacesRequest.model_validate(request), LIMITS)
    answer: dict[str, Any] = through_json(plan, dict(races.WORK.functions))
    RacesAnswer.model_validate_json(json.dumps(answer, allow_nan=False))
    return answer


def test_a_problem_survives_packing() -> None:
    request = DiagramRequest.model_validate({"problem": {**DESIGN_EXAMPLE, "data": SAMPLES}})
    problem = problem_mapping.to_core(request.problem, LIMITS).core
    packed, arrays = pack(problem)
    again = unpack(json.loads(json.dumps(packed)), arrays)
    assert again.network == problem.network
    assert solve(again).solution.minimum.loss == solve(problem).solution.minimum.loss
    assert again.samples is not None
    assert again.evaluation is not None


def test_phase_diagram_of_the_bare_problem() -> None:
    answer = swept({"problem": DESIGN_EXAMPLE})
    assert answer["shape"] == [1000]
    boundary = answer["boundaries"][0]
    assert boundary["transitions"][-1]["critical"] == pytest.approx([1.70660116])
    assert boundary["metastable_up_to"] == pytest.approx([2.03179535])
    trivial = np.array(answer["results"]["trivial"])
    values = np.array(answer["axes"][0]["values"])
    assert np.array_equal(trivial, values > boundary["transitions"][-1]["critical"][0])


def test_phase_diagram_is_the_same_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"problem": {**DESIGN_EXAMPLE, "data": SAMPLES}, "axes": AXES}
    whole = swept(request)
    monkeypatch.setattr(sweeps, "POINTS_A_CHUNK", 7)
    assert swept(request) == whole
    assert "evaluation_fit" in whole["results"]


def test_answers_are_in_the_convention_of_the_caller() -> None:
    axis = [{"parameter": "weight_decay", "layer": 1, "from": 0.01, "to": 1, "points": 4}]
    plain_answer = swept({"problem": {**DESIGN_EXAMPLE, "data": SAMPLES}, "axes": axis})
    layers = [{**layer, "weight_decay": 4 * layer["weight_decay"]} for layer in DESIGN_EXAMPLE["network"]["layers"]]
    summed = {"network": {"layers": layers}, "data": SAMPLES, "objective": {"convention": "sum"}}
    axis = [{**axis[0], "from": 0.04, "to": 4}]
    answer = swept({"problem": summed, "axes": axis})
    assert answer["axes"][0]["values"] == pytest.approx([4 * value for value in plain_answer["axes"][0]["values"]])
    assert answer["results"]["loss"] == pytest.approx([4 * loss for loss in plain_answer["results"]["loss"]])
    critical = [one["boundaries"][0]["transitions"][-1]["critical"][0] for one in (plain_answer, answer)]
    assert critical[1] == pytest.approx(4 * critical[0])


BAD_AXES: list[tuple[list[dict[str, Any]], str]] = [
    ([{"parameter": "decay_scale", "from": 0, "to": 1, "spacing": "log"}], "spacing"),
    ([{"parameter": "noise_variance", "from": 0, "to": 1, "layer": 1}], "layer"),
    ([{"parameter": "weight_decay", "from": 0, "to": 1, "layer": 4}], "layer"),
    ([{"parameter": "width", "from": 0, "to": 5}], "from"),
    ([AXES[0], AXES[0]], "parameter"),
]


@pytest.mark.parametrize(("axes", "field"), BAD_AXES)
def test_axes_that_contradict_themselves_are_named(axes: list[dict[str, Any]], field: str) -> None:
    request = DiagramRequest.model_validate({"problem": DESIGN_EXAMPLE, "axes": axes})
    with pytest.raises(InputError) as caught:
        sweeps.sweeps_plan(request, LIMITS)
    assert caught.value.fields[0].location[0] == "axes"
    assert caught.value.fields[0].location[-1] == field


def test_too_many_points_are_refused_before_anything_starts() -> None:
    axes = [{**axis, "points": 1_000_000} for axis in AXES]
    with pytest.raises(LimitExceeded) as caught:
        sweeps.sweeps_plan(DiagramRequest.model_validate({"problem": DESIGN_EXAMPLE, "axes": axes}), LIMITS)
    assert caught.value.limit == "max_sweep_points"
    for size, limit in (({"runs": 10**9, "steps": 1}, "max_race_runs"), ({"steps": 10**7}, "max_race_steps")):
        with pytest.raises(LimitExceeded) as caught:
            races.races_plan(RacesRequest.model_validate({"problem": DESIGN_EXAMPLE, **size}), LIMITS)
        assert caught.value.limit == limit


def test_many_chunks_are_planned_at_once_and_made_when_asked_for() -> None:
    request = {"problem": DESIGN_EXAMPLE, "optimisers": ["gd"], "initialisations": ["xavier"], "steps": 1}
    plan = races.races_plan(RacesRequest.model_validate({**request, "runs": LIMITS.max_race_runs}), LIMITS)
    firsts = [chunk.arguments["first"] for chunk in plan.chunks[:2]]
    assert firsts == [0, plan.chunks[0].arguments["last"]]
    assert plan.chunks[-1].arguments["last"] == LIMITS.max_race_runs
    assert len(list(plan.chunks)) == len(plan.chunks)
    with pytest.raises(IndexError):
        plan.chunks[len(plan.chunks)]


def test_races_are_the_same_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    request = {
        "problem": {**DESIGN_EXAMPLE, "data": SAMPLES},
        "optimisers": ["gd", "sgd", "adam", "adamw", "lbfgs"],
        "initialisations": ["balanced_small", "xavier"],
        "runs": 5,
        "steps": 50,
    }
    whole = raced(request)
    monkeypatch.setattr(races, "CHUNK_S", 0.0)
    assert raced(request) == whole
    by_optimiser = {group["optimiser"]: group for group in whole["groups"]}
    assert by_optimiser["adamw"]["success"] is None
    assert "success" in by_optimiser["adamw"]["reasons"]
    assert {advice["starts"] for advice in whole["advice"]} == {"inside", "outside"}


def test_race_advice_separates_what_is_proved_from_what_was_observed() -> None:
    request = {"problem": DESIGN_EXAMPLE, "optimisers": ["gd"], "runs": 6, "steps": 400, "seed": 2}
    answer = raced(request)
    advice = {one["initialisation"]: one for one in answer["advice"]}
    small = advice["balanced_small"]
    assert small["starts"] == "inside"
    assert small["trapped"] == 6
    assert small["success"]["successes"] == 0
    assert "proved" in small["text"]
    assert "Observed: 0 of 6" in small["text"]
    assert advice["xavier"]["starts"] == "outside"
    rates = [one["success"]["rate"] for one in answer["advice"]]
    assert rates == sorted(rates, reverse=True)


def test_races_need_samples_to_sample_and_a_minimum_to_run_for() -> None:
    with pytest.raises(InputError, match="must have samples"):
        races.races_plan(RacesRequest.model_validate({"problem": DESIGN_EXAMPLE, "optimisers": ["sgd"]}), LIMITS)
    layers = [{"width": 3, "activation": "relu"}, {"width": 1}]
    bent = {"network": {"layers": layers}, "data": DESIGN_EXAMPLE["data"]}
    with pytest.raises((InputError, NotCovered)):
        races.races_plan(RacesRequest.model_validate({"problem": bent}), LIMITS)


def test_a_plan_runs_in_one_process() -> None:
    request = DiagramRequest.model_validate({"problem": DESIGN_EXAMPLE, "axes": AXES})
    plan = sweeps.sweeps_plan(request, LIMITS)
    assert [chunk.function for chunk in plan.chunks] == ["block", "boundary", "boundary"]
    assert run_here(plan, sweeps.WORK.functions)["shape"] == [9, 5]
