"""A certified search that runs out of time answers with what it has, at any moment."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.plans.relu import WORK, relu_plan
from service.schemas.relu import ReluMinimaRequest
from service.settings import Limits


def hard(**more: Any) -> ReluMinimaRequest:
    """A problem whose proof takes minutes."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((60, 6))
    y = np.sin(2.0 * x[:, 0]) + rng.standard_normal(60)
    layers = [{"width": 40, "activation": "relu", "weight_decay": 0.01}, {"width": 1, "weight_decay": 0.01}]
    data = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    document = {"network": {"layers": layers}, "data": data}
    return ReluMinimaRequest.model_validate({"problem": document, "effort": 100_000_000, **more})


def asked(times: int) -> Callable[[], bool]:
    """Whoever says stop from some question on."""
    left = [times]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stop


@pytest.mark.parametrize("times", [0, 1, 4, 40])
def test_a_search_that_is_stopped_anywhere_is_bounded_and_honest(times: int) -> None:
    request = hard()
    answer = decode(run_inline(WORK.plan(request, Limits()), WORK.guarded(), asked(times)))
    proof = answer["certificate"]
    assert answer["status"] == proof["kind"] == "bounded"
    assert 0.0 < proof["lower_bound"] < proof["upper_bound"]
    assert proof["relative_gap"] == pytest.approx(1.0 - proof["lower_bound"] / proof["upper_bound"])


def test_longer_searches_know_no_less() -> None:
    # after the first training, which takes another path where it is broken off
    answers = [decode(run_inline(WORK.plan(hard(), Limits()), WORK.guarded(), asked(t))) for t in (0, 300, 600)]
    lower = [answer["certificate"]["lower_bound"] for answer in answers]
    upper = [answer["certificate"]["upper_bound"] for answer in answers]
    assert lower == sorted(lower)
    assert upper == sorted(upper, reverse=True)
    assert max(lower) <= min(upper)


def test_the_first_chunk_takes_next_to_no_work_and_has_value_and_bound() -> None:
    plan = relu_plan(hard(), Limits())
    assert plan.anytime
    first = plan.chunks[0]
    state: Any = WORK.functions[first.function](first.arguments, plan.arrays, [])
    assert state.lower_bound < state.loss
    assert state.gap == pytest.approx(1.0 - state.lower_bound / state.loss)
    assert not state.done
