"""Flatness of minima and sharpness at given weights, as they are answered."""

from typing import Any

import numpy as np
import pytest

from service.errors import InputError
from service.operations.cost import estimate_s
from service.operations.diagnose import diagnose
from service.operations.diagnose import parse as parse_point
from service.operations.landscape import landscape
from service.operations.landscape import parse as parse_landscape
from service.operations.minima import parse
from service.operations.relu_minima import minima_of_any
from service.schemas.flatness import Flatness
from service.settings import Limits

LIMITS = Limits()
X, Y = [[1.0, 0.5], [-0.5, 1.0], [0.5, -1.5], [2.0, 0.0]], [[1.0], [0.0], [0.5], [2.0]]
LINEAR: dict[str, Any] = {
    "network": {"layers": [{"width": 3}, {"width": 1}]},
    "data": {"kind": "samples", "x": X, "y": Y},
}


def flatness(body: dict[str, Any]) -> Flatness:
    answer: Any = minima_of_any(parse({**body, "include": ["flatness"]}).request, LIMITS)
    assert answer.flatness is not None
    return Flatness.model_validate(answer.flatness.model_dump())


def test_part_is_absent_unless_it_is_asked_for() -> None:
    assert "flatness" not in minima_of_any(parse(LINEAR).request, LIMITS).model_dump(exclude_unset=True)


@pytest.mark.parametrize(("convention", "factor"), [("mean", 1.0), ("half_mean", 0.5), ("sum", 4.0), ("half_sum", 2.0)])
def test_numbers_are_in_the_convention_of_the_request(convention: str, factor: float) -> None:
    plain, there = flatness(LINEAR), flatness({**LINEAR, "objective": {"convention": convention}})
    for name in ("least_sharpness", "lower_bound", "sharpness"):
        assert getattr(there, name) == pytest.approx(factor * getattr(plain, name), rel=1e-9)
    assert there.lower_bound is not None
    assert there.largest_step == pytest.approx(2.0 / there.lower_bound, rel=1e-12)
    assert there.spectrum == pytest.approx([factor * value for value in plain.spectrum or []], rel=1e-9)
    assert there.layer_norms == pytest.approx(plain.layer_norms, rel=1e-6)
    assert there.evidence == there.sharpness_evidence == "certified"
    assert not there.reasons


UNKNOWN: dict[str, dict[str, Any]] = {
    "noise": {"network": {"layers": [{"width": 3, "noise": {"kind": "dropout", "rate": 0.5}}, {"width": 1}]}},
    "linear_vae": {
        "network": {"model": "linear_vae", "latent": 1, "beta": 1.0, "decoder_variance": 0.4, "layers": [{"width": 2}]},
        "data": {"kind": "moments", "xx": [[2.0, 0.5], [0.5, 1.0]], "xy": [[2.0, 0.5], [0.5, 1.0]], "yy": 3.0},
    },
    "large targets": {"data": {"kind": "samples", "x": X, "y": (1e140 * np.array(Y)).tolist()}},
    "cross-entropy": {
        "network": {"layers": [{"width": 2, "weight_decay": 0.1}]},
        "data": {"kind": "samples", "x": X, "y": [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]},
        "objective": {"loss": "cross_entropy"},
    },
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_every_null_has_a_reason(name: str) -> None:
    found = flatness({**LINEAR, **UNKNOWN[name]})
    nulls = {field for field in Flatness.model_fields if getattr(found, field) is None}
    assert nulls <= set(found.reasons)
    assert {"least_sharpness", "largest_step"} <= nulls


def coefficient(body: dict[str, Any], where: Any = minima_of_any, read: Any = parse) -> Any:
    return where(read({**body, "include": ["learning_coefficient"]}).request, LIMITS).learning_coefficient


@pytest.mark.parametrize("convention", ["mean", "half_sum"])
def test_a_learning_coefficient_knows_no_convention(convention: str) -> None:
    body = {**LINEAR, "objective": {"convention": convention}}
    found = coefficient(body)
    assert (found.value, found.multiplicity, found.evidence, found.reasons) == (1.0, 1, "proved", {})
    assert coefficient(body, landscape, parse_landscape) == found


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_learning_coefficient_has_reasons(name: str) -> None:
    found = coefficient({**LINEAR, **UNKNOWN[name]})
    assert found.value is None
    assert set(found.reasons) == {"value", "multiplicity", "evidence", "theorem"}


def test_a_landscape_without_a_solver_has_no_learning_coefficient() -> None:
    body = {**LINEAR, "network": {"layers": [{"width": 2, "activation": "tanh"}, {"width": 1}]}}
    assert "no solver" in coefficient(body, landscape, parse_landscape).reasons["value"]
    without_data = {"network": LINEAR["network"], "data": {"kind": "none", "inputs": 2}}
    assert coefficient(without_data, landscape, parse_landscape).value is None


def test_a_flat_minimum_limits_no_step() -> None:
    zero = {"kind": "moments", "xx": [[1.0]], "xy": [[0.0]], "yy": 1.0}
    found = flatness({"network": LINEAR["network"], "data": zero})
    assert found.least_sharpness == 0.0
    assert found.largest_step is None
    assert "every step" in found.reasons["largest_step"]


def test_a_network_with_activations_is_refused_with_the_way() -> None:
    layers = [{"width": 3, "activation": "relu", "weight_decay": 0.1}, {"width": 1, "weight_decay": 0.1}]
    with pytest.raises(InputError, match="/v1/diagnose"):
        flatness({**LINEAR, "network": {"layers": layers}})


@pytest.mark.parametrize("activation", ["linear", "tanh"])
def test_diagnosis_has_the_largest_eigenvalue(activation: str) -> None:
    body = {
        **LINEAR,
        "network": {"layers": [{"width": 2, "activation": activation}, {"width": 1}]},
        "weights": [[[0.5, 0.2], [0.1, -0.5]], [[1.0, -1.0]]],
        "objective": {"convention": "half_mean"},
    }
    found = diagnose(parse_point(body).request, LIMITS)
    start = np.array([0.5, 0.2, 0.1, -0.5, 1.0, -1.0])
    bend = np.tanh if activation == "tanh" else np.asarray

    def loss(point: np.ndarray[Any, np.dtype[np.float64]]) -> float:
        hidden = bend(np.array(X) @ point[:4].reshape(2, 2).T)
        return 0.5 * float(np.mean((hidden @ point[4:] - np.array(Y)[:, 0]) ** 2))

    step, size = 1e-4, start.size
    hessian = np.array(
        [
            [
                sum(
                    a * b * loss(start + step * (a * np.eye(size)[i] + b * np.eye(size)[j]))
                    for a in (1, -1)
                    for b in (1, -1)
                )
                / (4 * step**2)
                for j in range(size)
            ]
            for i in range(size)
        ]
    )
    assert found.sharpness == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-6)
    assert found.sharpness is not None
    assert found.largest_stable_step == pytest.approx(2.0 / found.sharpness)


def test_at_a_kink_there_is_no_sharpness() -> None:
    body = {
        **LINEAR,
        "network": {"layers": [{"width": 1, "activation": "relu"}, {"width": 1}]},
        "weights": [[[0.0, 0.0]], [[1.0]]],
    }
    found = diagnose(parse_point(body).request, LIMITS)
    assert found.sharpness is None
    assert found.largest_stable_step is None
    assert found.reasons["sharpness"] == found.reasons["largest_stable_step"]
    assert "kink" in found.reasons["sharpness"]


def test_lanczos_is_used_for_many_parameters() -> None:
    rng = np.random.default_rng(0)
    x, width = rng.standard_normal((50, 30)), 50
    body = {
        "network": {"layers": [{"width": width}, {"width": 1}]},
        "data": {"kind": "samples", "x": x.tolist(), "y": rng.standard_normal((50, 1)).tolist()},
        "weights": [
            (0.3 * rng.standard_normal((width, 30))).tolist(),
            (0.3 * rng.standard_normal((1, width))).tolist(),
        ],
    }
    found = diagnose(parse_point(body).request, LIMITS)
    spectra = diagnose(parse_point({**body, "include": ["spectrum"]}).request, LIMITS).spectrum
    assert spectra is not None
    assert found.sharpness == pytest.approx(spectra.values[-1], rel=1e-7)


def test_the_part_is_in_the_estimate_of_the_cost() -> None:
    noise = {"kind": "dropout", "rate": 0.5}
    wide = {**LINEAR, "network": {"layers": [{"width": 150, "noise": noise}, {"width": 150}, {"width": 1}]}}
    idle = {**LINEAR, "network": {"layers": [{"width": 10_000}, {"width": 10_000}, {"width": 1}]}}

    def added(body: dict[str, Any]) -> float:
        return estimate_s(parse({**body, "include": ["flatness"]}).request) - estimate_s(parse(body).request)

    assert added(wide) > 0.1
    # units that nothing uses are left out
    assert 0.0 < added(idle) < 0.01
