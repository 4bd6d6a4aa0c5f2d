"""One linear layer under convex losses, and with missing targets, as it is asked over the wire."""

from typing import Any

import numpy as np
import pytest

from service.errors import InputError
from service.operations.diagnose import diagnose
from service.operations.diagnose import parse as parse_diagnosis
from service.operations.minima import minima, parse
from service.schemas.minima import MinimaAnswer
from service.settings import Limits

LIMITS = Limits()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3))
F = X @ np.array([1.0, -0.5, 0.25]) + 0.6 * RNG.normal(size=24)


def asked(loss: str, y: Any, *, width: int = 1, decay: float = 0.05, convention: str = "mean") -> dict[str, Any]:
    return {
        "network": {"layers": [{"width": width, "weight_decay": decay}], "bias": "output"},
        "data": {"kind": "samples", "x": X.tolist(), "y": y},
        "objective": {"loss": loss, "convention": convention},
    }


def answered(problem: dict[str, Any]) -> MinimaAnswer:
    return minima(parse(problem).request, LIMITS)


def test_conventions_are_factors_of_one_minimum() -> None:
    y = np.stack([F, -F], axis=1).tolist()
    mean = answered(asked("huber", y, width=2))
    total = answered(asked("huber", y, width=2, decay=0.05 * 24, convention="sum"))
    # the mean over samples and outputs, and half of the decay
    as_torch = asked("huber", y, width=2, decay=0.05, convention="torch")
    # which would decay the bias as well
    as_torch["network"]["bias_weight_decay"] = 0.0
    torch = answered(as_torch)
    assert total.global_minimum.loss == pytest.approx(24 * mean.global_minimum.loss, rel=1e-12)
    assert torch.global_minimum.loss == pytest.approx(0.5 * mean.global_minimum.loss, rel=1e-12)
    assert torch.global_minimum.end_to_end_map == mean.global_minimum.end_to_end_map


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "huber", "absolute", "quantile", "poisson"])
def test_a_diagnosis_measures_its_gap_from_the_minimum(loss: str) -> None:
    y = {"poisson": np.rint(np.exp(np.clip(F, -2.0, 2.0))), "huber": F, "absolute": F, "quantile": F}
    problem = asked(loss, y.get(loss, np.where(F > 0.0, 1.0, -1.0)).tolist())
    known = answered(problem)
    body = {"problem": problem, "weights": [[[0.5, 0.5, 0.0]]], "biases": [[0.1]]}
    found = diagnose(parse_diagnosis(body).request, LIMITS)
    assert found.gap == pytest.approx(found.loss - known.global_minimum.loss, rel=1e-9)
    assert found.gap is not None
    assert found.gap > 0.0


def test_missing_targets_leave_each_output_its_own_samples() -> None:
    y: list[list[float | None]] = np.stack([F, 2.0 * F], axis=1).tolist()
    for row in range(0, 24, 5):
        y[row][0] = None
    both = answered(asked("squared", y, width=2))
    assert both.status == "certified"
    seen = [row for row in range(24) if y[row][0] is not None]
    alone = asked("squared", [y[row][0] for row in seen], decay=0.05 * 24 / len(seen))
    alone["data"]["x"] = X[seen].tolist()
    first = answered(alone)
    assert both.global_minimum.end_to_end_map is not None
    assert first.global_minimum.end_to_end_map is not None
    assert both.global_minimum.end_to_end_map[0] == pytest.approx(first.global_minimum.end_to_end_map[0], rel=1e-8)
    deeper = asked("squared", y, width=2)
    deeper["network"]["layers"].insert(0, {"width": 2, "weight_decay": 0.05})
    with pytest.raises(InputError, match="missing target"):
        answered(deeper)
