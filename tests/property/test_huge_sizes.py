"""Sizes that no memory holds: every integer of a request is compared with a limit before an array is made of it."""

import json
import os
import subprocess
import sys
import tracemalloc
from typing import Any

import pytest

from service.errors import LimitExceeded
from service.operations.answered import as_model
from service.operations.asking import ask
from service.operations.table import OPERATIONS
from service.schemas.flows import FLOW_EXAMPLE
from service.settings import Limits
from tests.support.huge_sizes import HUGE, NOISY, Outcome, chain

SLOW_S = 10.0
"""Core time: the widest networks that are allowed take a second."""


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.huge_sizes"],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]


def test_every_operation_was_asked_for_every_size(outcomes: list[Outcome]) -> None:
    assert {outcome.operation for outcome in outcomes} == {row.name for row in OPERATIONS if row.is_posted}
    assert {outcome.size for outcome in outcomes} == set(HUGE)
    assert len(outcomes) > 1000


def test_no_size_takes_the_memory_or_the_time_of_the_server(outcomes: list[Outcome]) -> None:
    wrong = [outcome for outcome in outcomes if outcome.fault or outcome.seconds > SLOW_S]
    assert not wrong, wrong[:5]


def test_what_no_limit_allows_is_refused_by_name(outcomes: list[Outcome]) -> None:
    named = {outcome.limit for outcome in outcomes if outcome.code == "limit-exceeded"}
    assert named <= set(Limits.model_fields)
    assert {"max_width", "max_outputs", "max_flow_weights", "max_solution_numbers", "max_sweep_points"} <= named


@pytest.mark.parametrize("width", [20_000, 200_000, 10_000_000])
def test_a_wide_flow_is_refused_before_it_takes_memory(width: int) -> None:
    problem = FLOW_EXAMPLE["problem"]
    layers = [{"width": width}, {"width": width}, *problem["network"]["layers"][-1:]]
    body = {**FLOW_EXAMPLE, "problem": {**problem, "network": {"layers": layers}}}
    ask("gradient_flows", FLOW_EXAMPLE, Limits()).plan(Limits())
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded) as caught:
            ask("gradient_flows", body, Limits()).plan(Limits())
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert (caught.value.limit, caught.value.allowed) == ("max_flow_weights", 20_000)


@pytest.mark.parametrize("operation", ["minima", "ranks", "landscape"])
def test_a_solver_that_would_hold_too_much_says_so(operation: str) -> None:
    problem = chain(10_000, 10_000, 2, **NOISY)
    beside: dict[str, dict[str, Any]] = {
        "ranks": {"training": {"dynamics": "global_minimum"}},
        "landscape": {"include": ["minimum"]},
    }
    question = ask(operation, {"problem": problem, **beside.get(operation, {})}, Limits())
    if operation == "minima":
        with pytest.raises(LimitExceeded) as caught:
            question.answer(Limits())
        assert caught.value.limit == "max_solution_numbers"
        assert caught.value.fields[0].location == ("problem", "network", "layers")
        return
    # the minimum is a part of these that may be missing
    answer = as_model(question.answer(Limits())).document()
    assert any("max_solution_numbers" in reason for reason in answer["reasons"].values())
