"""Learning times as they are answered: in the caller's time, in steps, and with a reason where there are none."""

from typing import Any

import pytest

from service.jobs.codec import decode
from service.jobs.kinds import KINDS
from service.operations.questions import question_of
from service.schemas.flows import FlowAnswer, FlowRequest
from service.schemas.parsing import validated
from service.settings import Limits
from tests.support.job_operations import run_question

GRADIENT_FLOWS = KINDS["gradient_flows"]

BODY: dict[str, Any] = {
    "problem": {
        "network": {"layers": [{"width": 2}, {"width": 2}]},
        "data": {"kind": "moments", "xx": [[1.0, 0.0], [0.0, 1.0]], "xy": [[2.0, 0.0], [0.0, 1.0]], "yy": 5.0},
    },
    "initialisation": {
        "kind": "weights",
        "snapshot": {"weights": [[[0.1, 0.0], [0.0, 0.1]], [[0.1, 0.0], [0.0, 0.1]]]},
    },
    "until": {"evaluations": 1},
    "include": ["modes"],
}


def answer_to(body: dict[str, Any]) -> FlowAnswer:
    document = run_question(GRADIENT_FLOWS, question_of(validated(FlowRequest, body), Limits()))
    return FlowAnswer.model_validate(decode(document))


def test_times_are_those_of_the_objective_as_it_was_posed() -> None:
    mean = answer_to(BODY)
    half = answer_to({**BODY, "problem": {**BODY["problem"], "objective": {"convention": "half_mean"}}})
    assert mean.modes is not None
    assert half.modes is not None
    for one, other in zip(mean.modes, half.modes, strict=True):
        assert one.half_time is not None
        assert other.half_time == pytest.approx(2.0 * one.half_time, rel=1e-12)
        assert one.evidence == "exact"
        assert one.reasons == dict.fromkeys(("half_steps", "plateau_steps"), "no learning_rate was sent")
    assert [mode.target for mode in mean.modes] == pytest.approx([2.0, 1.0])


@pytest.mark.parametrize("convention", ["mean", "half_mean"])
def test_steps_are_those_of_gradient_descent(convention: str) -> None:
    rate = 0.002
    problem = {**BODY["problem"], "objective": {"convention": convention}}
    found = answer_to({**BODY, "problem": problem, "learning_rate": rate})
    assert found.modes is not None
    factor = 1.0 if convention == "mean" else 0.5
    for mode in found.modes:
        layer, steps = 0.1, 0
        while layer * layer < 0.5 * mode.target:
            layer -= rate * factor * 2.0 * (layer * layer - mode.target) * layer
            steps += 1
        assert mode.half_steps == pytest.approx(steps, rel=0.02)


def test_a_large_step_does_not_follow_the_flow() -> None:
    found = answer_to({**BODY, "learning_rate": 0.1})
    assert found.modes is not None
    assert found.modes[0].half_steps is None
    assert "do not follow" in found.modes[0].reasons["half_steps"]


def test_modes_are_absent_unless_asked_for_and_null_with_a_reason() -> None:
    assert "modes" not in answer_to({**BODY, "include": []}).model_fields_set
    layers = [{"width": 2, "activation": "relu"}, {"width": 2}]
    data = {"kind": "samples", "x": [[1.0, 0.5], [0.5, -1.0]], "y": [[1.0, 0.0], [0.0, 1.0]]}
    found = answer_to({**BODY, "problem": {"network": {"layers": layers}, "data": data}})
    assert found.modes is None
    assert "linear networks" in found.reasons["modes"]
