"""Numbers of any size: inputs are answered whatever their units, targets are refused where squares end."""

from typing import Any

import numpy as np
import pytest

from service.core.ground.numbers.arrays import FloatArray
from service.errors import FieldError, InputError
from service.operations.diagnose import diagnose
from service.operations.landscape import landscape
from service.operations.mapping.sizes import COMFORTABLE
from service.operations.minima import minima, parse
from service.schemas.diagnose import DiagnoseRequest
from service.schemas.landscape import LandscapeRequest
from service.schemas.minima import MinimaAnswer
from service.settings import Limits
from service.vocabulary import Status
from tests.unit.operations.mapping.test_factors import wire_of

RNG = np.random.default_rng(3)
X = RNG.normal(size=(20, 3))
Y = X @ RNG.normal(size=(3, 2)) + 0.1 * RNG.normal(size=(20, 2))
SIZES: dict[str, list[float]] = {
    "one beyond 1e300": [1e305, 1.0, 1.0],
    "one below 1e-300": [1.0, 1e-305, 1.0],
    "all beyond 1e300": [1e305, 1e304, 1e306],
    "all below 1e-300": [1e-305, 1e-304, 1e-306],
    "infinite in float32": [1e39, 1.0, 1e45],
    "everywhere": [1e305, 1e-305, 1.0],
}


def samples(x: Any, y: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "samples", "x": np.asarray(x).tolist(), "y": np.asarray(y).tolist(), **more}


def moments_of_rows(x: FloatArray, y: FloatArray) -> dict[str, Any]:
    n = len(x)
    return {
        "kind": "moments",
        "xx": (x.T @ x / n).tolist(),
        "xy": (x.T @ y / n).tolist(),
        "yy": float(np.sum(y * y) / n),
        "x_mean": x.mean(axis=0).tolist(),
        "y_mean": y.mean(axis=0).tolist(),
    }


def answer(
    data: dict[str, Any], depth: int = 1, decay: float = 0.0, outputs: int = 2, bias: str = "none"
) -> MinimaAnswer:
    widths = [3] * (depth - 1) + [outputs]
    layers = [{"width": width, "weight_decay": decay} for width in widths]
    return minima(parse({"network": {"layers": layers, "bias": bias}, "data": data}).request, Limits())


def check(found: MinimaAnswer) -> None:
    assert found.status in (Status.EXACT, Status.CERTIFIED, Status.BOUNDED)
    assert found.certificate.lower_bound <= found.certificate.upper_bound
    assert found.global_minimum.loss >= 0.0


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", SIZES)
def test_units_without_decay_change_nothing_but_the_map(name: str, depth: int, outputs: int) -> None:
    sizes = np.array(SIZES[name])
    y = Y[:, :outputs]
    for bias in ("none", "output"):
        plain = answer(samples(X, y), depth, 0.0, outputs, bias)
        found = answer(samples(X * sizes, y), depth, 0.0, outputs, bias)
        check(found)
        assert found.data.preparation == "within range"
        assert found.global_minimum.loss == pytest.approx(plain.global_minimum.loss, rel=1e-9)
        sent = found.global_minimum.in_units_sent
        assert sent is not None
        expected = np.array(plain.global_minimum.end_to_end_map) / sizes
        np.testing.assert_allclose(np.array(sent.end_to_end_map), expected, rtol=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", SIZES)
def test_beside_decay_a_large_input_is_lowered_and_a_small_one_absent(name: str, depth: int) -> None:
    sizes = np.array(SIZES[name])
    found = answer(samples(X * sizes, Y), depth, 0.01)
    check(found)
    assert found.status in (Status.EXACT, Status.CERTIFIED)
    scale = np.array([column.scale for column in found.data.input_columns or []])
    assert np.isin(np.frexp(scale)[0], [0.5]).all()
    within = X * sizes / scale
    assert (np.abs(within).max(axis=0) < 10.0 * COMFORTABLE).all()
    # beyond some size weights are free, and it does not matter how far
    lowered = answer(samples(within, Y), depth, 0.01)
    assert found.global_minimum.loss == pytest.approx(lowered.global_minimum.loss, rel=1e-9)
    small = sizes < 1e-300
    sent = found.global_minimum.in_units_sent
    assert sent is not None
    assert not np.array(sent.end_to_end_map)[:, small].any()
    if small.any() and not small.all():
        without = answer(samples(X[:, ~small] * sizes[~small], Y), depth, 0.01)
        assert found.global_minimum.loss == pytest.approx(without.global_minimum.loss, rel=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_what_else_sees_the_inputs_keeps_them_as_they_were_sent(decay: float) -> None:
    """A frozen first layer, a skip from the input and a model of the inputs belong to their units."""
    x = X * [1e40, 1.0, 1.0]
    layers: list[dict[str, Any]] = [{"width": 3, "weight_decay": decay}, {"width": 2, "weight_decay": decay}]
    skip = {"from": 0, "to": 2, "kind": "trainable", "weight_decay": decay}
    frozen = [{"width": 3, "frozen_weights": (np.eye(3) * [1e-40, 1.0, 1.0]).tolist()}, layers[1]]
    plain = answer(samples(X, Y), 1, decay)
    for network in ({"layers": frozen}, {"layers": layers, "skips": [skip]}):
        found = minima(parse({"network": network, "data": samples(x, Y)}).request, Limits())
        assert found.data.preparation == "as sent"
        if network["layers"] is frozen:
            assert found.global_minimum.loss == pytest.approx(plain.global_minimum.loss, rel=1e-9)


@pytest.mark.parametrize("name", SIZES)
def test_held_out_data_are_measured_in_the_same_units(name: str) -> None:
    sizes = np.array(SIZES[name])
    expected = answer(samples(X, Y, evaluation=samples(X[:5], Y[:5]))).global_minimum.evaluation_fit
    for data, held_out in (
        (samples(X * sizes, Y), samples(X[:5] * sizes, Y[:5])),
        (wire_of(X * sizes, Y), wire_of(X[:5] * sizes, Y[:5])),
    ):
        found = answer({**data, "evaluation": held_out})
        assert found.global_minimum.evaluation_fit == pytest.approx(expected, rel=1e-6)
    with pytest.raises(InputError, match="up to about") as caught:
        answer(samples(X, Y, evaluation=samples(X * 1e90, Y)))
    assert caught.value.fields[0].location == ("data", "evaluation", "x")


@pytest.mark.parametrize("size", [1e-140, 1e-60, 1e40, 1e100, 1e150])
def test_moments_of_any_inputs(size: float) -> None:
    x = X * [size, 1.0, 1.0] + [size, 0.0, 0.0]
    for bias in ("none", "output"):
        plain = answer(samples(x / [size, 1.0, 1.0], Y), 1, 0.0, 2, bias)
        found = answer(moments_of_rows(x, Y), 1, 0.0, 2, bias)
        check(found)
        assert found.global_minimum.loss == pytest.approx(plain.global_minimum.loss, rel=1e-6)
        alone = answer(moments_of_rows(x[:, :1], Y), 2, 0.01, 2, bias)
        check(alone)


def test_denormal_inputs_keep_the_mean_that_they_cannot_tell() -> None:
    """In the units that were sent it lies between two neighbouring doubles."""
    x = X * [5e-322, 1.0, 1.0]
    whole = x / [5e-324, 1.0, 1.0]
    for depth in (1, 2):
        for bias in ("none", "output"):
            found, plain = answer(samples(x, Y), depth, 0.0, 2, bias), answer(samples(whole, Y), depth, 0.0, 2, bias)
            assert found.status is Status.EXACT
            assert found.global_minimum.loss == pytest.approx(plain.global_minimum.loss, rel=1e-12)


FEW: dict[str, tuple[Any, Any]] = {
    "one sample": ([[1.0, 2.0, 3.0]], [[1.0, -1.0]]),
    "one sample of zeros": ([[0.0, 0.0, 0.0]], [[0.0, 0.0]]),
    "two equal rows": ([[1.0, 2.0, 3.0]] * 2, [[1.0, -1.0]] * 2),
    "a constant column": (np.column_stack([np.full(20, 0.1), X[:, :2]]), Y),
    "a column of zeros": (np.column_stack([np.zeros(20), X[:, :2]]), Y),
    "all zero": (np.zeros((20, 3)), Y),
    "constant targets": (X, np.full((20, 2), 0.1)),
    "targets of zero": (X, np.zeros((20, 2))),
    "the smallest targets": (X, np.full((20, 2), 5e-324)),
    "the smallest inputs": (np.full((20, 3), 5e-324), Y),
    "the largest inputs": (np.sign(X) * 1.7e308, Y),
}


@pytest.mark.parametrize("name", FEW)
def test_data_that_hardly_are_data_have_an_answer(name: str) -> None:
    x, y = FEW[name]
    for depth in (1, 2, 3):
        for decay in (0.0, 0.01):
            for bias in ("none", "output"):
                for data in (samples(x, y), wire_of(x, y)):
                    check(answer(data, depth, decay, 2, bias))


@pytest.mark.parametrize("size", [5e154, 1e155, 1e308])
def test_targets_are_refused_with_the_greatest_magnitude(size: float) -> None:
    for data, name in (
        (samples(X, Y / np.abs(Y).max() * size), "y"),
        (wire_of(X, Y / np.abs(Y).max() * size), "y_mean"),
    ):
        with pytest.raises(InputError, match=r"up to about 1e\+154") as caught:
            answer(data)
        assert caught.value.fields[0].location == ("data", name)
    check(answer(samples(X, Y * 1e153)))


def test_analyses_that_take_weights_refuse_inputs_that_need_other_units() -> None:
    """Weights of the caller belong to the units of the caller."""
    network = {"layers": [{"width": 2}]}
    body = {"problem": {"network": network, "data": samples(X * 1e80, Y)}, "weights": [np.ones((2, 3)).tolist()]}
    with pytest.raises(InputError, match="up to about 7e"):
        diagnose(DiagnoseRequest.model_validate(body), Limits())


@pytest.mark.parametrize("sizes", [[1e60, 1e-60, 1.0], [1e40, 1e-40, 1.0], [1e20, 1e-20, 1.0]])
def test_inputs_of_very_different_sizes_end_a_summary_in_time(sizes: list[float]) -> None:
    """No interval is halved without end where arithmetic cannot decide it."""
    layers = [
        {"width": 3, "weight_decay": 0.01},
        {"width": 3, "weight_decay": 0.01},
        {"width": 1, "weight_decay": 0.01},
    ]
    body = {"problem": {"network": {"layers": layers}, "data": samples(X * sizes, Y[:, :1])}}
    found = landscape(LandscapeRequest.model_validate(body), Limits())
    assert found.origin.class_ == "local_minimum"


def test_moments_that_rounding_alone_made_impossible_are_accepted() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        basis = rng.normal(size=(4, 2))
        xx = basis @ basis.T
        noise = rng.normal(size=(4, 4)) * 1e-16
        data = {
            "kind": "moments",
            "xx": (xx + noise + noise.T).tolist(),
            "xy": (xx @ np.ones((4, 1))).tolist(),
            "yy": 1e3,
        }
        check(answer(data, 2, 0.01, 1))


def test_moments_that_no_data_have_are_refused_with_eigenvalue_and_entry() -> None:
    xx = np.array([[1.0, 2.0], [2.0, 1.0]]) * np.outer([1.0, 4.0], [1.0, 4.0])
    with pytest.raises(InputError, match=r"least eigenvalue is -1.*row (0, column 1|1, column 0)") as caught:
        answer({"kind": "moments", "xx": xx.tolist(), "xy": [[0.0], [0.0]], "yy": 1.0}, 1, 0.0, 1)
    assert caught.value.fields[0].location == ("data", "xx")


def told_or_answered(data: dict[str, Any], depth: int, decay: float, outputs: int) -> list[FieldError]:
    """What is said of the fields, or nothing and a good answer."""
    try:
        check(answer(data, depth, decay, outputs))
    except InputError as error:
        return list(error.fields)
    return []


@pytest.mark.parametrize("targets", [1e-70, 1e70])
@pytest.mark.parametrize("sizes", [[1e30, 1e-30, 1.0], [1e-60, 1e-40, 1e-50], [1e30, 1e20, 1e10]])
def test_what_leaves_double_precision_is_recognised_by_its_field(sizes: list[float], targets: float) -> None:
    y = Y / np.abs(Y).max() * targets
    told: list[FieldError] = []
    for depth, decay in ((1, 0.0), (2, 0.01), (6, 1e-6)):
        for outputs in (1, 2):
            for data in (samples(X * sizes, y[:, :outputs]), wire_of(X * sizes, y[:, :outputs])):
                told += told_or_answered(data, depth, decay, outputs)
    assert {problem.location for problem in told} <= {("data", name) for name in ("x", "y", "x_mean", "y_mean")}
    assert all("certain to stay in it" in problem.detail for problem in told)
    assert not told or targets > 1e50
