"""Sweeps of ReLU networks over their decay: every point is bracketed, and certified ones agree with the minimum."""

import copy
from typing import Any

import numpy as np
import pytest

from service.errors import InputError
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.plans.sweeps import WORK
from service.schemas.sweeps import DiagramRequest
from service.settings import Limits
from tests.unit.operations.test_relu_verify import asked, problem

LIMITS = Limits()
CASES: dict[str, dict[str, Any]] = {
    "squared": problem("squared"),
    "logistic, output bias": problem("logistic", "output"),
    "huber, biases decayed": problem("huber", "all", bias_weight_decay=0.05),
    "absolute values": problem("squared", slope=-1.0),
}
AXIS = {"parameter": "decay_scale", "from": 0.05, "to": 60.0, "points": 5}


def swept(body: dict[str, Any], **axis: Any) -> Any:
    request = DiagramRequest.model_validate({**body, "axes": [{**AXIS, **axis}]})
    return decode(run_inline(WORK.plan(request, LIMITS), WORK.guarded()))


@pytest.mark.parametrize("name", CASES)
def test_points_are_those_of_the_certified_minimum(name: str) -> None:
    answer = swept(CASES[name])
    results, values = answer["results"], np.asarray(answer["axes"][0]["values"])
    loss, bound = np.asarray(results["loss"]), np.asarray(results["lower_bound"])
    assert np.all(bound <= loss)
    assert np.all(loss - bound <= 2e-6 * loss)
    body = copy.deepcopy(CASES[name])
    for layer in body["problem"]["network"]["layers"]:
        layer["weight_decay"] *= values[3]
    assert loss[3] == pytest.approx(asked(body)["global_minimum"]["loss"], rel=2e-6)
    assert np.asarray(results["fit"]) + np.asarray(results["decay"]) == pytest.approx(loss, rel=1e-12)
    # more decay never lowers the loss, and its slope never grows
    assert np.all(np.diff(loss) >= -2e-6 * loss[1:])
    slopes = np.diff(loss) / np.diff(values)
    assert np.all(np.diff(slopes) <= 1e-5 * max(slopes[0], 1e-9))


def test_many_points_are_bracketed_by_few_certified_ones() -> None:
    few = swept(CASES["squared"], points=121)
    results = few["results"]
    loss, bound = np.asarray(results["loss"]), np.asarray(results["lower_bound"])
    assert np.all(bound <= loss)
    assert np.max((loss - bound) / loss) < 2e-2
    body = copy.deepcopy(CASES["squared"])
    place = 58
    for layer in body["problem"]["network"]["layers"]:
        layer["weight_decay"] *= few["axes"][0]["values"][place]
    exact = asked(body)["global_minimum"]["loss"]
    assert bound[place] <= exact * (1.0 + 1e-9)
    assert exact <= loss[place] * (1.0 + 1e-9)


def test_the_critical_decay_is_that_of_the_minimum() -> None:
    answer = swept(CASES["squared"], points=5)
    (transition,) = answer["boundaries"][0]["transitions"]
    body = copy.deepcopy(CASES["squared"])
    critical = asked(body)["critical_decay"]
    layers = [layer["weight_decay"] for layer in body["problem"]["network"]["layers"]]
    assert transition["critical"][0] == pytest.approx(critical / np.sqrt(layers[0] * layers[1]), rel=1e-7)
    trivial = np.asarray(answer["results"]["trivial"])
    assert list(trivial) == [value > transition["critical"][0] for value in answer["axes"][0]["values"]]


@pytest.mark.parametrize("convention", ["mean", "half_sum", "torch"])
def test_a_weight_decay_is_in_the_convention_of_the_request(convention: str) -> None:
    body = copy.deepcopy(CASES["squared"])
    body["problem"]["objective"] = {"loss": "squared", "convention": convention}
    answer = swept(body, parameter="weight_decay", **{"from": 0.02, "to": 0.5, "points": 3})
    assert np.asarray(answer["axes"][0]["values"])[1] == pytest.approx(0.1)
    for layer in body["problem"]["network"]["layers"]:
        layer["weight_decay"] = 0.1
    assert np.asarray(answer["results"]["loss"])[1] == pytest.approx(asked(body)["global_minimum"]["loss"], rel=2e-6)


@pytest.mark.parametrize(
    ("axes", "more", "wrong"),
    [
        ([{**AXIS, "parameter": "width", "from": 1, "to": 3}], {}, "must be decay_scale or weight_decay"),
        ([{**AXIS, "from": 0}], {}, "must be above 0"),
        ([AXIS, {**AXIS, "parameter": "width", "from": 1, "to": 3}], {}, "must be one axis"),
        ([AXIS], {"return": ["loss", "rank"]}, "must be among"),
    ],
)
def test_what_has_no_bound_is_refused(axes: list[Any], more: dict[str, Any], wrong: str) -> None:
    request = DiagramRequest.model_validate({**CASES["squared"], "axes": axes, **more})
    with pytest.raises(InputError, match=wrong):
        WORK.plan(request, LIMITS)
