"""The table of conventions against the objectives written out, and the laws that follow."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from service.errors import InputError
from service.operations.mapping.conventions import FORMS, scaling
from service.operations.mapping.problem import to_core
from service.operations.minima import minima, parse
from service.settings import Limits
from service.vocabulary import Convention

LIMITS = Limits()
RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(9, 2)), RNG.normal(size=(9, 3))
DECAYS = (0.3, 0.7)

Residuals = npt.NDArray[np.float64]
DATA_TERMS: dict[Convention, Callable[[Residuals], float]] = {
    Convention.MEAN: lambda r: float(np.mean(np.sum(r**2, axis=1))),
    Convention.HALF_MEAN: lambda r: 0.5 * float(np.mean(np.sum(r**2, axis=1))),
    Convention.SUM: lambda r: float(np.sum(r**2)),
    Convention.HALF_SUM: lambda r: 0.5 * float(np.sum(r**2)),
    Convention.TORCH: lambda r: float(np.mean(r**2)),
}


def objective(convention: Convention, weights: list[npt.NDArray[np.float64]]) -> float:
    """What a caller minimises, as the documentation writes it."""
    half = 0.5 if convention is Convention.TORCH else 1.0
    decay = sum(half * decay * float(np.sum(weight**2)) for decay, weight in zip(DECAYS, weights, strict=True))
    return DATA_TERMS[convention](X @ weights[0].T @ weights[1].T - Y) + decay


def problem(convention: Convention, **network: Any) -> dict[str, Any]:
    layers = [{"width": 2, "weight_decay": DECAYS[0]}, {"width": 3, "weight_decay": DECAYS[1]}]
    return {
        "network": {"layers": layers, **network},
        "data": {"kind": "samples", "x": X.tolist(), "y": Y.tolist()},
        "objective": {"convention": convention.value},
    }


@pytest.mark.parametrize("convention", Convention)
def test_a_callers_objective_is_a_multiple_of_the_cores(convention: Convention) -> None:
    mapped = to_core(parse(problem(convention)).request.problem, LIMITS)
    for _ in range(5):
        weights = [RNG.normal(size=(2, 2)), RNG.normal(size=(3, 2))]
        error = np.mean(np.sum((X @ weights[0].T @ weights[1].T - Y) ** 2, axis=1))
        decays = mapped.core.network.weight_decays
        core = error + sum(decay * np.sum(weight**2) for decay, weight in zip(decays, weights, strict=True))
        assert mapped.scaling.loss * core == pytest.approx(objective(convention, weights), rel=1e-12)


def test_every_convention_is_in_the_table() -> None:
    assert set(FORMS) == set(Convention) == set(DATA_TERMS)


@pytest.mark.parametrize("convention", [Convention.SUM, Convention.HALF_SUM])
def test_sums_need_the_number_of_samples(convention: Convention) -> None:
    with pytest.raises(InputError) as caught:
        scaling(convention, None, 1)
    assert caught.value.fields[0].location == ("data", "n")


@pytest.mark.parametrize(
    ("convention", "own", "expected"),
    [
        (Convention.MEAN, None, (0.0, 0.0)),
        (Convention.MEAN, 0.4, (0.4, 0.4)),
        (Convention.TORCH, None, (0.45, 1.05)),
        (Convention.TORCH, 0.4, (0.6, 0.6)),
    ],
)
def test_biases_are_decayed_as_the_convention_has_it(
    convention: Convention, own: float | None, expected: tuple[float, float]
) -> None:
    asked = problem(convention, bias="all", **({} if own is None else {"bias_weight_decay": own}))
    mapped = to_core(parse(asked).request.problem, LIMITS)
    assert mapped.core.network.bias_weight_decays == pytest.approx(expected)


def scalar_answer(convention: str, decay: float) -> Any:
    layers = [
        {"width": 4, "weight_decay": decay, "noise": {"kind": "dropout", "rate": 0.1}},
        {"width": 4, "weight_decay": decay},
    ]
    asked = {
        "network": {"layers": [*layers, {"width": 1, "weight_decay": decay}]},
        "data": {"kind": "samples", "x": X.tolist(), "y": Y[:, 0].tolist()},
        "objective": {"convention": convention},
    }
    return minima(parse(asked).request, LIMITS)


@pytest.mark.parametrize(
    ("convention", "decay", "factor"),
    [("half_mean", 0.01, 0.5), ("sum", 0.18, 9.0), ("half_sum", 0.09, 4.5), ("torch", 0.04, 1.0)],
)
def test_the_same_minimum_in_every_convention(convention: str, decay: float, factor: float) -> None:
    """Losses scale; norms, thresholds and the prediction's variance do not."""
    one, other = scalar_answer("mean", 0.02), scalar_answer(convention, decay)
    assert other.global_minimum.end_to_end_map[0] == pytest.approx(one.global_minimum.end_to_end_map[0], rel=1e-9)
    assert other.global_minimum.loss == pytest.approx(factor * one.global_minimum.loss, rel=1e-12)
    assert other.global_minimum.terms.decay == pytest.approx(factor * one.global_minimum.terms.decay, rel=1e-9)
    assert other.global_minimum.prediction_variance == pytest.approx(one.global_minimum.prediction_variance, rel=1e-9)
    assert other.certificate.lower_bound == pytest.approx(factor * one.certificate.lower_bound, rel=1e-9)
    assert other.certificate.relative_gap < 1e-9
    assert other.origin.barrier_height == pytest.approx(factor * one.origin.barrier_height, rel=1e-6)
    assert other.origin.least_hessian_eigenvalue == pytest.approx(factor * one.origin.least_hessian_eigenvalue)
    assert other.origin.escape_norm == pytest.approx(one.origin.escape_norm, rel=1e-9)
    assert other.thresholds.critical_decay_scale == pytest.approx(one.thresholds.critical_decay_scale, rel=1e-9)
    norms = [[point.norm for point in answer.stationary_points] for answer in (one, other)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-9)
