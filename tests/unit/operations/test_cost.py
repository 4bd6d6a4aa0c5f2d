from typing import Any

import numpy as np

from service.operations.cost import SUMMARY_SEARCH_S, estimate_s, landscape_s
from service.operations.landscape import parse as parse_landscape
from service.operations.minima import parse
from service.settings import Settings

NETWORK = {"layers": [{"width": 8, "weight_decay": 0.1}, {"width": 1, "weight_decay": 0.1}]}


def seconds(data: dict[str, Any], **options: Any) -> float:
    return estimate_s(parse({"network": NETWORK, "data": data, **options}).request)


def moments(inputs: int) -> dict[str, Any]:
    return {"kind": "moments", "xx": np.eye(inputs).tolist(), "xy": np.zeros((inputs, 1)).tolist(), "yy": 1.0}


def test_small_problems_stay_on_the_event_loop_and_large_ones_leave_it() -> None:
    budget = Settings().event_loop_budget_s
    assert seconds(moments(10)) < budget
    assert seconds({"kind": "example", "name": "breast_cancer"}) < budget
    assert seconds(moments(200)) > budget
    assert seconds({"kind": "samples", "x": np.zeros((20_000, 2)).tolist(), "y": [0.0] * 20_000}) > budget


def test_estimates_grow_with_what_costs() -> None:
    assert seconds(moments(20)) > seconds(moments(10))
    assert seconds(moments(20), **{"return": {"weights": "full"}}) > seconds(moments(20))
    held_out = {"kind": "samples", "x": np.zeros((500, 10)).tolist(), "y": [0.0] * 500}
    assert seconds({**moments(10), "evaluation": held_out}) > seconds(moments(10))


def test_what_may_have_to_be_searched_for_leaves_the_event_loop() -> None:
    budget = Settings().event_loop_budget_s

    def two_outputs(decay: float, rate: float = 0.0) -> float:
        hidden: dict[str, Any] = {"width": 8, "weight_decay": decay}
        if rate:
            hidden["noise"] = {"kind": "dropout", "rate": rate}
        data = {"kind": "moments", "xx": np.eye(4).tolist(), "xy": np.ones((4, 2)).tolist(), "yy": 9.0}
        layers = [hidden, {"width": 2, "weight_decay": decay}]
        return estimate_s(parse({"network": {"layers": layers}, "data": data}).request)

    assert two_outputs(0.0) < budget < two_outputs(0.1) < two_outputs(0.1, rate=0.2)


def test_a_summary_is_priced_with_a_solution_but_with_a_long_search_only_on_request() -> None:
    def summary(decay: float, **options: Any) -> float:
        data = {"kind": "moments", "xx": np.eye(50).tolist(), "xy": np.eye(50).tolist(), "yy": 60.0}
        network = {"layers": [{"width": 50, "weight_decay": decay}] * 3}
        return landscape_s(parse_landscape({"problem": {"network": network, "data": data}, **options}).request)

    # white inputs have a closed form, which the shapes alone do not tell
    assert summary(0.0) <= summary(0.1) <= summary(0.0) + SUMMARY_SEARCH_S
    assert summary(0.1, include=["minimum"]) > 2.0 * summary(0.1)
