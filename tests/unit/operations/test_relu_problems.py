"""Generated ReLU problems: their certified minimum, and the program that measures optimisers against it."""

from typing import Any

import numpy as np
import pytest

from service.operations.problems import carrying, generate, parse, problem
from service.operations.verify import verify
from service.schemas.generated import GeneratedProblem
from service.schemas.relu import ReluMinimaAnswer
from service.settings import Limits

MADE: dict[str, Any] = {
    "inputs": 2,
    "outputs": 1,
    "hidden_widths": [20],
    "samples": 25,
    "residual": 0.1,
    "weight_decay": 0.02,
    "activation": "relu",
}


def made(**changes: Any) -> GeneratedProblem:
    return generate(parse({**MADE, **changes}), Limits())


@pytest.mark.parametrize("seed", range(2))
def test_the_minimum_is_certified_and_verified(seed: int) -> None:
    found = made(seed=seed)
    assert isinstance(found.minimum, ReluMinimaAnswer)
    assert found.minimum.status == "certified"
    assert verify(found.minimum, Limits(), found.problem).outcome == "agrees"
    assert found.next_critical_value is None
    assert found.reasons["next_critical_value"]


def test_the_program_computes_the_loss_of_the_network() -> None:
    found = made()
    data: Any = found.problem.data
    weights = found.minimum.global_minimum.weights
    assert weights is not None
    first, second = (np.array(weight) for weight in weights)
    hidden = np.maximum(np.array(data.x) @ first.T, 0.0)
    fit = float(np.square(hidden @ second.T - np.array(data.y)).sum()) / len(data.x)
    decay = 0.02 * float(np.square(first).sum() + np.square(second).sum())
    assert fit + decay == pytest.approx(found.minimum.global_minimum.loss, rel=1e-12)
    assert "torch.relu(X @ weights[0].T)" in found.snippet
    assert f"MINIMUM = {found.minimum.global_minimum.loss!r}\n" in found.snippet
    compile(found.snippet, "program.py", "exec")


def test_the_same_parameters_make_the_same_problem_by_their_address() -> None:
    found = made(seed=5)
    again = problem(carrying(found.parameters), Limits())
    assert again.problem == found.problem
    assert again.id == found.id
