import pytest

from service.operations.mapping.hashing import problem_hash
from service.operations.minima import parse
from service.schemas.problem import DESIGN_EXAMPLE


def hash_of(body: object) -> str:
    return problem_hash(parse(body).request.problem)


def layers(**fields: object) -> dict[str, object]:
    return {**DESIGN_EXAMPLE, "network": {"layers": [{"width": 2}, {"width": 1, **fields}]}}


@pytest.mark.parametrize(
    "same",
    [
        layers(weight_decay=1),
        layers(weight_decay=1.0, activation="linear", noise=None),
        {"problem": layers(weight_decay=1.0), "return": {"weights": "full", "problem": True}, "time_limit_s": 3},
        {**layers(weight_decay=1.0), "objective": {"convention": "mean"}},
        dict(reversed(layers(weight_decay=1.0).items())),
    ],
)
def test_equal_problems_have_equal_hashes(same: object) -> None:
    assert hash_of(same) == hash_of(layers(weight_decay=1.0))


def test_a_bias_decay_of_zero_is_the_default_except_where_the_layers_own_is() -> None:
    def asked(convention: str, **bias: float) -> dict[str, object]:
        network = {"layers": [{"width": 2}, {"width": 1}], "bias": "all", **bias}
        return {**DESIGN_EXAMPLE, "network": network, "objective": {"convention": convention}}

    assert hash_of(asked("mean")) == hash_of(asked("mean", bias_weight_decay=0))
    assert hash_of(asked("torch")) != hash_of(asked("torch", bias_weight_decay=0))


def test_an_examples_own_task_is_the_default() -> None:
    def asked(**task: str) -> dict[str, object]:
        return {**DESIGN_EXAMPLE, "data": {"kind": "example", "name": "breast_cancer", **task}}

    assert hash_of(asked()) == hash_of(asked(task="classification")) != hash_of(asked(task="regression"))


@pytest.mark.parametrize(
    "other",
    [layers(weight_decay=1.0 + 1e-15), layers(weight_decay=2), layers(weight_decay=1, slope=None, activation="relu")],
)
def test_different_problems_have_different_hashes(other: object) -> None:
    assert hash_of(other) != hash_of(layers(weight_decay=1.0))
