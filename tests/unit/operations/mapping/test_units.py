"""`standardise`: the same problem as on prepared numbers, and the map in the numbers that were sent."""

from typing import Any

import numpy as np
import pytest

from service.errors import InputError
from service.operations.mapping.hashing import problem_hash
from service.operations.minima import minima, parse
from service.schemas.minima import MinimaAnswer
from service.settings import Limits
from tests.support.tables import KINDS

RNG = np.random.default_rng(2)
X = RNG.normal(size=(40, 3)) * [1e-6, 1.0, 1e5] + [0.0, 50.0, 1.7e9]
Y = (X - X.mean(axis=0)) / X.std(axis=0) @ RNG.normal(size=(3, 2)) * [1e3, 1e-3] + [5e5, 0.0] + RNG.normal(size=(40, 2))


def samples(x: Any, y: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "samples", "x": np.asarray(x).tolist(), "y": np.asarray(y).tolist(), **more}


def answer(data: dict[str, Any], outputs: int = 2, **objective: Any) -> MinimaAnswer:
    layers = [{"width": 3, "weight_decay": 0.05}, {"width": outputs, "weight_decay": 0.05}]
    body = {"network": {"layers": layers, "bias": "output"}, "data": data, "objective": objective}
    return minima(parse(body).request, Limits())


def test_it_is_the_problem_of_prepared_numbers() -> None:
    prepared = [
        (each - of.mean(axis=0)) / of.std(axis=0) for each, of in ((X, X), (Y, Y), (X[:7] * 1.1, X), (Y[:7], Y))
    ]
    found = answer(samples(X, Y, standardise=True, evaluation=samples(X[:7] * 1.1, Y[:7])))
    expected = answer(samples(*prepared[:2], evaluation=samples(*prepared[2:])))
    one, other = found.global_minimum, expected.global_minimum
    assert one.loss == pytest.approx(other.loss, rel=1e-8)
    # 1.7e9 in double precision has the seventh digit of its deviation
    np.testing.assert_allclose(np.array(one.end_to_end_map), np.array(other.end_to_end_map), rtol=1e-6, atol=1e-9)
    assert one.evaluation_fit == pytest.approx(other.evaluation_fit, rel=1e-9)
    assert found.data.preparation == "standardised"
    told = [column.shift for column in found.data.input_columns or []]
    np.testing.assert_allclose(told, X.mean(axis=0), rtol=1e-12)
    assert found.problem_hash != answer(samples(X, Y)).problem_hash


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"dummies"}))
def test_the_map_in_the_numbers_that_were_sent_predicts_the_same(kind: str) -> None:
    table = KINDS[kind](np.random.default_rng(1), 60)
    x, y = table[:, :-1], table[:, -1:]
    found = answer(samples(x, y, standardise=True), 1)
    sent = found.global_minimum.in_units_sent
    assert sent is not None
    shift, scale = (
        np.array([getattr(column, name) for column in (found.data.input_columns or [])]) for name in ("shift", "scale")
    )
    (target,) = found.data.target_columns or []
    inside = (x - shift) / scale @ np.array(found.global_minimum.end_to_end_map).T
    inside += found.global_minimum.output_offset or [0.0]
    outside = x @ np.array(sent.end_to_end_map).T + np.array(sent.output_offset)
    # what products with the numbers that were sent round
    reach = np.abs(x) @ np.abs(np.array(sent.end_to_end_map)).T + np.abs(np.array(sent.output_offset))
    rounding = 1e-14 * float(np.max(reach)) / target.scale
    np.testing.assert_allclose((outside - target.shift) / target.scale, inside, rtol=1e-9, atol=rounding + 1e-14)


def test_labels_are_left_as_they_are() -> None:
    labels = (Y[:, 0] > Y[:, 0].mean()).astype(int)
    for data, outputs in (
        (samples(X, labels, task="classification"), 2),
        (samples(X, labels, task="classification"), 1),
    ):
        found = answer({**data, "standardise": True}, outputs)
        assert [(column.shift, column.scale) for column in found.data.target_columns or []] == [(0.0, 1.0)] * outputs
        assert found.classes == [0, 1]


def test_an_example_is_told_in_the_numbers_as_published() -> None:
    prepared = answer({"kind": "example", "name": "diabetes"}, 1)
    found = answer({"kind": "example", "name": "diabetes", "standardise": True}, 1)
    assert found.global_minimum.loss == pytest.approx(prepared.global_minimum.loss, rel=1e-12)
    assert found.global_minimum.in_units_sent is not None
    assert prepared.global_minimum.in_units_sent is None
    raw = {"kind": "example", "name": "diabetes", "standardise": True, "raw": True}
    assert answer(raw, 1).global_minimum == found.global_minimum
    assert answer({"kind": "example", "name": "iris", "standardise": True}, 3).classes == [0, 1, 2]


@pytest.mark.parametrize(
    ("x", "y", "at", "says"),
    [
        (np.column_stack([X[:, 0], np.ones(40)]), Y, ("data", "x"), "column 1"),
        (X, np.column_stack([Y[:, 0], np.full(40, 0.1)]), ("data", "y"), "column 1"),
        (X[:1], Y[:1], ("data", "x"), "column 0"),
    ],
)
def test_constant_columns_are_named(x: Any, y: Any, at: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        answer(samples(x, y, standardise=True))
    assert caught.value.fields[0].location == at


def test_held_out_moments_cannot_be_standardised() -> None:
    held_out = {"kind": "moments", "xx": np.eye(3).tolist(), "xy": np.zeros((3, 2)).tolist(), "yy": 1.0}
    with pytest.raises(InputError, match="samples or a factor"):
        answer(samples(X, Y, standardise=True, evaluation=held_out))


def test_a_problem_that_is_not_prepared_has_the_hash_that_it_had() -> None:
    for more in ({}, {"standardise": False}):
        body = {"network": {"layers": [{"width": 1}]}, "data": samples([[1.0], [2.0]], [1.0, 3.0], **more)}
        assert problem_hash(parse(body).request.problem) == HASH_OF_0_1


HASH_OF_0_1 = "sha256:0f2f7cd111ab1d5675c52ac45716ad9edde63b35f35f2280089c3089249d188e"
