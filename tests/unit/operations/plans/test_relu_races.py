"""Races on ReLU networks: the floor is the certified minimum, and no run ends below it."""

import copy
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from service.core.losses.batched import single
from service.core.losses.batched_samples import BatchedSampleLoss
from service.core.losses.dense import flatten
from service.core.losses.nonlinear import evaluate
from service.errors import NotCovered
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.mapping import problem as problem_mapping
from service.operations.plans.races import WORK
from service.schemas.problem import ProblemDocument
from service.schemas.races import RacesRequest
from service.settings import Limits
from tests.unit.operations.test_relu_verify import asked, problem

LIMITS = Limits()
CASES: dict[str, dict[str, Any]] = {
    "squared": problem("squared"),
    "logistic, output bias": problem("logistic", "output"),
    "huber, all biases": problem("huber", "all", bias_weight_decay=0.05),
    "poisson": problem("poisson", "output"),
    "absolute value": problem("squared", slope=-1.0),
}


def raced(body: dict[str, Any], **options: Any) -> Any:
    asked_for = {"optimisers": ["gd", "adam", "lbfgs"], "initialisations": ["kaiming"], "runs": 3, "steps": 300}
    plan = WORK.plan(RacesRequest.model_validate({**body, **asked_for, **options}), LIMITS)
    return decode(run_inline(plan, WORK.guarded()))


@pytest.mark.parametrize("name", CASES)
def test_the_floor_is_the_certified_minimum_and_no_run_is_below_it(name: str) -> None:
    answer = raced(CASES[name])
    assert answer["minimum"] == pytest.approx(asked(CASES[name])["global_minimum"]["loss"], rel=2e-6)
    assert answer["solver"] == "relu_duality"
    assert answer["escape_norm"] is None
    gaps = [gap for group in answer["groups"] for gap in group["runs"]["gap"]]
    assert min(gaps) > -1e-6
    assert any(gap < 1e-1 for gap in gaps)


@pytest.mark.parametrize("name", CASES)
def test_stacked_gradients_are_those_of_single_networks(name: str) -> None:
    core = problem_mapping.to_core(ProblemDocument.model_validate(CASES[name]["problem"]), LIMITS, relu=True).core
    assert core.samples is not None
    rng = np.random.default_rng(0)
    loss = BatchedSampleLoss(core)
    shapes = [*loss.shapes, *((core.network.layers[index].width, 1) for index in core.network.bias_layers)]
    stack = [rng.standard_normal((3, *shape)) for shape in shapes]
    error, slopes = loss.gradient(stack)
    slopes = loss.add_decay(stack, slopes)
    for run in range(3):
        alone = evaluate(core.network, core.loss, single(core.network, stack, run), core.samples)
        assert error[run] + loss.decay(stack)[run] == pytest.approx(alone.loss, rel=1e-13)
        assert loss.of(stack)[run] == pytest.approx(alone.loss, rel=1e-13)
        found = flatten(single(core.network, slopes, run))
        assert found == pytest.approx(flatten(alone.gradient), rel=1e-12, abs=1e-13)
        # the same digits in a stack of its own
        assert loss.of([array[run : run + 1] for array in stack])[0] == loss.of(stack)[run]


def test_a_run_has_the_same_digits_whatever_it_is_asked_for_with() -> None:
    few = raced(CASES["squared"], runs=2, optimisers=["sgd", "adam"])
    many = raced(CASES["squared"], runs=5, optimisers=["sgd", "adam"])
    for one, other in zip(few["groups"], many["groups"], strict=True):
        assert other["runs"]["gap"][:2] == one["runs"]["gap"]


def test_gradient_descent_falls_with_the_rate_that_it_chooses() -> None:
    for name in CASES:
        group = raced(CASES[name], optimisers=["gd"])["groups"][0]
        assert set(group["outcomes"]) <= {"minimum", "unfinished", "other_stationary_point", "origin"}, name
        medians = group["curve"]["median"]
        assert all(after <= before * (1.0 + 1e-6) for before, after in pairwise(medians)), name


def test_a_network_that_is_too_narrow_is_measured_against_the_bound() -> None:
    body = copy.deepcopy(CASES["squared"])
    body["problem"]["network"]["layers"][0]["width"] = 1
    answer = raced(body)
    assert "fewer units" in answer["reasons"]["minimum"]
    assert all(gap > 1e-3 for group in answer["groups"] for gap in group["runs"]["gap"])


def test_networks_without_a_floor_are_refused() -> None:
    body = copy.deepcopy(CASES["squared"])
    body["problem"]["network"]["layers"][0]["weight_decay"] = 0.0
    with pytest.raises(NotCovered, match="no weight decay"):
        raced(body)
