"""Inputs that are zero drop out exactly, from samples, factors and moments."""

from typing import Any

import numpy as np
import pytest

from service.core.extremes.present import present_inputs
from service.core.ground.numbers.arrays import FloatArray
from service.operations.mapping.problem import Inputs, to_core
from service.operations.minima import minima, parse
from service.operations.verify import verify
from service.schemas.minima import MinimaAnswer
from service.settings import Limits
from tests.unit.operations.mapping.test_ranges import moments_of_rows, samples

LIMITS = Limits()
RNG = np.random.default_rng(5)
X = RNG.normal(size=(9, 2)) + 1.0
Y = X @ RNG.normal(size=(2, 2)) + 0.3 * RNG.normal(size=(9, 2))
ZERO = np.column_stack([X[:, 0], np.zeros(9), X[:, 1]])


def body_of(x: FloatArray, outputs: int, layers: int, decay: float, bias: str, kind: str) -> dict[str, Any]:
    widths = [2] * (layers - 1) + [outputs]
    network = {"layers": [{"width": width, "weight_decay": decay} for width in widths], "bias": bias}
    y = Y[:, :outputs]
    data = samples(x, y, evaluation=samples(x, y)) if kind == "samples" else moments_of_rows(x, y)
    return {"problem": {"network": network, "data": data}, "return": {"weights": "full", "problem": True}}


def answer(body: dict[str, Any]) -> MinimaAnswer:
    return minima(parse(body).request, LIMITS)


@pytest.mark.parametrize("kind", ["samples", "moments"])
@pytest.mark.parametrize("decay", [0.0, 1e-60, 1e-30, 1e-3])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_answer_is_that_without_them(layers: int, decay: float, kind: str) -> None:
    for outputs, bias in ((1, "none"), (2, "output")):
        plain = answer(body_of(X, outputs, layers, decay, bias, kind))
        found = answer(body_of(ZERO, outputs, layers, decay, bias, kind))
        assert found.status == plain.status
        for name in ("lower_bound", "upper_bound"):
            expected = getattr(plain.certificate, name)
            assert getattr(found.certificate, name) == pytest.approx(expected, rel=1e-9, abs=1e-14)
        whole = np.array(found.global_minimum.end_to_end_map)
        assert not whole[:, 1].any()
        np.testing.assert_allclose(
            whole[:, [0, 2]], np.array(plain.global_minimum.end_to_end_map), rtol=1e-6, atol=1e-9
        )
        fit = plain.global_minimum.evaluation_fit
        assert found.global_minimum.evaluation_fit == (None if fit is None else pytest.approx(fit, rel=1e-9))
        checked = verify(found, LIMITS)
        assert checked.agrees, [check for check in checked.checks if not check.agrees]


def test_weights_of_such_inputs_are_seen_by_verify() -> None:
    document = answer(body_of(ZERO, 1, 1, 0.1, "none", "samples")).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    document["global_minimum"]["weights"][0][0][1] = 0.01
    assert not verify(MinimaAnswer.model_validate(document), LIMITS).agrees


def test_what_is_absent_or_the_only_input_stays() -> None:
    for x in (ZERO * 0.0, X, X * [1e-305, 1.0]):
        core = to_core(parse(body_of(x, 1, 2, 0.1, "none", "samples")).request.problem, LIMITS, inputs=Inputs.ANY).core
        assert present_inputs(core) is None


@pytest.mark.parametrize("sizes", [[1e28, 1.0], [1e31, 1.0], [1e35, 1e35]])
def test_points_with_tiny_norms_are_verified(sizes: list[float]) -> None:
    """Beside an input of 1e30 no norm tells its multiplier: the norm itself is compared."""
    for decay in (1e-3, 0.1):
        found = answer(body_of(X * sizes, 1, 3, decay, "none", "samples"))
        checked = verify(found, LIMITS)
        assert checked.agrees, [check for check in checked.checks if not check.agrees]
        tiny = [index for index, point in enumerate(found.stationary_points) if 0.0 < point.norm < 1e-20]
        document = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for index in tiny[:1]:
            document["stationary_points"][index]["norm"] *= 1.0 + 1e-6
            assert not verify(MinimaAnswer.model_validate(document), LIMITS).agrees
