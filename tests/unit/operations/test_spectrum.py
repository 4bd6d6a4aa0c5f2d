"""The spectrum of a diagnosis: units of the targets, and what a network without Kronecker form says of its layers."""

from typing import Any

import numpy as np
import pytest

from service.operations.diagnose import diagnose, parse
from service.schemas.diagnose import HessianSpectrum
from service.settings import Limits

X = [[1.0, 0.5], [-0.5, 1.0], [0.25, -1.5]]
Y = np.array([1.0, -0.5, 2.0])
WEIGHTS = [np.array([[0.5, -1.0], [1.0, 0.25]]), np.array([[1.0, -0.5]])]


def spectrum(power: int = 0, **first: Any) -> HessianSpectrum:
    """Of targets times ``4^power`` and both weights times ``2^power``."""
    weights = [(2.0**power * weight).tolist() for weight in WEIGHTS]
    if "frozen_weights" in first:
        weights[0] = first["frozen_weights"]
    body = {
        "network": {"layers": [{"width": 2, **first}, {"width": 1}]},
        "data": {"kind": "samples", "x": X, "y": (4.0**power * Y).tolist()},
        "weights": weights,
        "include": ["spectrum"],
    }
    parsed = parse(body)
    found = diagnose(parsed.request, Limits(), parsed.problem_at).spectrum
    assert found is not None
    return found


@pytest.mark.parametrize("power", [3, 60, -60])
def test_eigenvalues_have_the_units_of_the_caller(power: int) -> None:
    plain, scaled = spectrum(), spectrum(power)
    assert scaled.values == pytest.approx([4.0**power * value for value in plain.values], rel=1e-9)
    assert plain.layers is not None
    assert scaled.layers is not None
    for ours, theirs in zip(scaled.layers, plain.layers, strict=True):
        assert ours == pytest.approx([4.0**power * value for value in theirs], rel=1e-9)


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ({"frozen_weights": [[1.0, 0.0], [0.0, 1.0]]}, "a layer is not trained"),
        ({"noise": {"kind": "gaussian", "variance": 0.5}}, "with noise on hidden layers a layer has no Kronecker form"),
    ],
)
def test_a_network_without_kronecker_form_says_why(first: dict[str, Any], why: str) -> None:
    found = spectrum(**first)
    assert (found.layers, found.error_bound, found.blocks) == (None, 0.0, 1)
    assert found.reasons == {"layers": why}
    assert found.values == sorted(found.values)


def test_a_plain_network_has_a_kronecker_form() -> None:
    assert spectrum(activation="linear").layers is not None
