"""Tables that hardly are data, numbers at the ends of double precision: all operations answer, and say the same."""

from typing import Any

import numpy as np
import pytest

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError
from service.operations import landscape as landscapes
from service.operations import ranks as all_ranks
from service.operations.batches import parse_batch
from service.operations.diagnose import diagnose
from service.operations.minima import minima, parse
from service.operations.minima_batch import minima_sweep, minima_table
from service.operations.verify import verify
from service.schemas.batch import VariedRequest
from service.schemas.diagnose import DiagnoseRequest
from service.schemas.minima import MinimaAnswer
from service.settings import Limits
from tests.unit.operations.mapping.test_factors import wire_of

RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 2))
Y = X @ RNG.normal(size=(2, 2)) + 0.1 * RNG.normal(size=(12, 2))
LIMITS = Limits()
KINDS: dict[str, tuple[FloatArray, FloatArray]] = {
    "a constant column": (np.column_stack([np.full(12, 0.1), X[:, 0]]), Y),
    "a column of zeros": (np.column_stack([np.zeros(12), X[:, 0]]), Y),
    "all zero": (X * 0.0, Y),
    "infinite in float32": (X * [1e39, 1.0], Y),
    "beyond 1e300": (X * [1e305, 1.0], Y),
    "a constant beyond 1e300": (np.column_stack([np.full(12, 1e305), X[:, 0]]), Y),
    "below 1e-300": (X * [1e-305, 1.0], Y),
    "denormal": (X * [5e-322, 1.0], Y),
    "one sample": (X[:1], Y[:1]),
    "two equal rows": (np.repeat(X[:1], 2, axis=0), np.repeat(Y[:1], 2, axis=0)),
    "constant targets": (X, np.full((12, 2), 0.3)),
    "targets of zero": (X, Y * 0.0),
}
BEYOND = ("beyond 1e300", "a constant beyond 1e300")
"""Inputs in other units than the caller's: with decay, or at given weights, no operation speaks but those of minima."""
CASES = [
    (name, depth, decay, ("none", "output")[(number + depth) % 2], ("samples", "factor")[(number + depth // 2) % 2])
    for number, name in enumerate(KINDS)
    for depth in (1, 2, 3)
    for decay in (0.0, 1e-3)
]


def problem_of(name: str, depth: int, decay: float, bias: str, kind: str) -> dict[str, Any]:
    x, y = KINDS[name]
    y = y[:, : 1 + (depth > 1)]
    layers = [{"width": width, "weight_decay": decay} for width in [2] * (depth - 1) + [y.shape[1]]]
    data = wire_of(x, y) if kind == "factor" else {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    return {"network": {"layers": layers, "bias": bias}, "data": data}


def sweep_of(problem: dict[str, Any], **vary: list[float]) -> float:
    """Loss of the first value of a sweep."""
    request = parse_batch({"problem": problem, "vary": vary, "return": ["loss"]}, LIMITS).request
    assert isinstance(request, VariedRequest)
    return float(minima_sweep(request, LIMITS).columns["loss"][0])


def batch_of(problem: dict[str, Any]) -> float:
    """Loss of a batch of four of it."""
    batch = parse_batch({"problems": [problem] * 4, "return": ["loss"]}, LIMITS).request
    assert not isinstance(batch, VariedRequest)
    return float(minima_table(batch, LIMITS).columns["loss"][0])


def table_of(problem: dict[str, Any]) -> tuple[float, float]:
    """Loss of a sweep at the problem's own decay, and of a batch of four of it."""
    decay = problem["network"]["layers"][0]["weight_decay"]
    return sweep_of(problem, weight_decay=[decay, 0.1]), batch_of(problem)


def undecayed_sweep(problem: dict[str, Any]) -> float:
    """Loss of a sweep that leaves the problem as it is."""
    return sweep_of(problem, decay_scale=[1.0])


def answer(problem: dict[str, Any]) -> MinimaAnswer:
    request = parse({"problem": problem, "return": {"weights": "full"}}).request
    found = minima(request, LIMITS)
    assert 0.0 <= found.certificate.lower_bound <= found.certificate.upper_bound
    assert found.status != "bounded"
    checked = verify(found, LIMITS, request.problem)
    assert checked.agrees, [check for check in checked.checks if not check.agrees]
    return found


@pytest.mark.parametrize(("name", "depth", "decay", "bias", "kind"), CASES)
def test_every_operation_answers(name: str, depth: int, decay: float, bias: str, kind: str) -> None:
    problem = problem_of(name, depth, decay, bias, kind)
    found = answer(problem)
    if name in {"one sample", "constant targets"} and bias == "output":
        assert found.certificate.upper_bound == found.certificate.lower_bound == 0.0
        assert found.certificate.relative_gap == 0.0
    weights = [np.ones((layer["width"], 2)).tolist() for layer in problem["network"]["layers"]]
    biases = [None] * (depth - 1) + [[0.0] * len(weights[-1])]
    body = {"problem": problem, "weights": weights} | ({"biases": biases} if bias == "output" else {})
    asked = {"problem": problem}
    others = (
        lambda: diagnose(DiagnoseRequest.model_validate(body), LIMITS),
        lambda: landscapes.landscape(landscapes.parse(asked).request, LIMITS),
        lambda: all_ranks.ranks(all_ranks.parse(asked).request, LIMITS),
        lambda: table_of(problem),
    )
    if name in BEYOND:
        diagnosed, summarised, ranked, swept = others
        for other in (diagnosed, swept, *((summarised, ranked) if decay else ())):
            with pytest.raises(InputError, match="up to about 7e"):
                other()
        assert batch_of(problem) == pytest.approx(found.global_minimum.loss, rel=1e-8)
        if not decay:
            told = landscapes.landscape(landscapes.parse(asked).request, LIMITS)
            assert told.input_columns == found.data.input_columns
            least = min(point.loss for point in told.stationary_points)
            assert least == pytest.approx(found.global_minimum.loss, rel=1e-8)
            assert all_ranks.ranks(all_ranks.parse(asked).request, LIMITS).end_to_end.rank in (None, *range(3))
            assert undecayed_sweep(problem) == pytest.approx(found.global_minimum.loss, rel=1e-8)
        return
    for other in others[:3]:
        other()
    if decay > 0.0:
        least = max(1e-8 * found.global_minimum.loss, 1e-15)
        assert table_of(problem) == pytest.approx([found.global_minimum.loss] * 2, rel=1e-8, abs=least)
