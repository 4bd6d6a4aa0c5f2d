"""The curve of the minimum in the decay: what is certified between knots lies between chords and tangents."""

import copy
from typing import Any

import numpy as np
import pytest

from service.errors import NotCovered
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.plans.relu import WORK
from service.operations.verify import parse_answer, verify
from service.schemas.relu import ReluMinimaRequest
from service.settings import Limits
from tests.unit.operations.plans.test_relu_limits import asked

FROM, TO = 0.01, 0.3


def body(loss: str = "squared", decays: tuple[float, float] = (0.02, 0.05), **network: Any) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((8, 2))
    y = np.sin(2.0 * x[:, 0]) + x[:, 1]
    targets = np.where(y > 0.0, 1.0, -1.0) if loss == "logistic" else y
    layers = [{"width": 20, "activation": "relu", "weight_decay": decays[0]}, {"width": 1, "weight_decay": decays[1]}]
    data = {"kind": "samples", "x": x.tolist(), "y": targets.tolist()}
    objective = {"loss": loss, "convention": "sum" if loss == "squared" else "mean"}
    return {"problem": {"network": {"layers": layers, **network}, "data": data, "objective": objective}}


def answer_to(request: dict[str, Any], stop: Any = None) -> dict[str, Any]:
    plan = WORK.plan(ReluMinimaRequest.model_validate(request), Limits())
    found: dict[str, Any] = decode(run_inline(plan, WORK.guarded(), *([] if stop is None else [stop])))
    return found


@pytest.mark.parametrize(("loss", "bias"), [("squared", "none"), ("squared", "output"), ("logistic", "none")])
def test_what_is_certified_between_knots_lies_in_the_bracket(loss: str, bias: str) -> None:
    request = body(loss, bias=bias)
    path = answer_to({**request, "path": {"from": FROM, "to": TO, "knots": 4}})["path"]["knots"]
    decays = [knot["decay"] for knot in path]
    assert decays == pytest.approx(np.geomspace(FROM, TO, 4).tolist())
    for knot in path:
        assert knot["lower_bound"] <= knot["upper_bound"] <= knot["lower_bound"] * (1.0 + 2e-6)
    slopes = [knot["slope"] for knot in path]
    assert slopes == sorted(slopes, reverse=True)
    for decay in np.sqrt(np.array(decays[1:]) * np.array(decays[:-1])):
        between = copy.deepcopy(request)
        for layer in between["problem"]["network"]["layers"]:
            layer["weight_decay"] = float(decay)
        proof = answer_to(between)["certificate"]
        chord = float(np.interp(decay, decays, [knot["lower_bound"] for knot in path]))
        tangent = min(knot["upper_bound"] + knot["slope"] * (decay - knot["decay"]) for knot in path)
        assert chord <= proof["upper_bound"] * (1.0 + 1e-12)
        assert proof["lower_bound"] <= tangent * (1.0 + 1e-12)
        assert chord <= tangent


def test_the_problem_itself_lies_on_its_path() -> None:
    request = body()
    answer = answer_to({**request, "path": {"from": 0.01, "to": 0.1, "knots": 3}, "return": {"problem": True}})
    middle = answer["path"]["knots"][1]
    assert middle["decay"] == pytest.approx(np.sqrt(0.02 * 0.05), rel=1e-12)
    assert middle["upper_bound"] == pytest.approx(answer["global_minimum"]["loss"], rel=2e-6)
    assert middle["units"] == answer["global_minimum"]["width_needed"]
    report = verify(parse_answer(answer), Limits())
    assert report.outcome == "agrees"


def test_a_path_that_is_cut_has_every_knot_with_wider_bounds() -> None:
    request = {**body(), "path": {"from": FROM, "to": TO, "knots": 4}}
    whole, cut = answer_to(request)["path"]["knots"], answer_to(request, asked(30))["path"]["knots"]
    assert len(cut) == len(whole)
    for narrow, wide in zip(whole, cut, strict=True):
        assert wide["lower_bound"] <= narrow["upper_bound"] * (1.0 + 1e-12)
        assert narrow["lower_bound"] <= wide["upper_bound"] * (1.0 + 1e-12)


def test_a_network_that_is_only_bounded_has_no_path() -> None:
    request = body()
    request["problem"]["network"]["layers"][1]["weight_decay"] = 0.0
    with pytest.raises(NotCovered, match="no weight decay"):
        answer_to({**request, "path": {"from": FROM, "to": TO}})
