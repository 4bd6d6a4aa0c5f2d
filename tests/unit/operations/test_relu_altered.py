"""Answers about ReLU networks of every loss and bias, each number altered up and down in turn: `verify` refuses all."""

import copy
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pytest

from service.errors import InputError
from service.operations.diagnose import diagnose, parse
from service.operations.verify import parse_answer, verify
from service.settings import Limits
from tests.unit.operations.test_relu_verify import FREE, LOSSES, asked

LIMITS = Limits()
BIASES: Final[dict[str, dict[str, Any]]] = {
    "none": {"bias": "none"},
    "output": {"bias": "output"},
    "output decayed": {"bias": "output", "bias_weight_decay": 0.05},
    "hidden decayed": {"bias": "hidden", "bias_weight_decay": 0.02},
    "all": {"bias": "all"},
    "all decayed": {"bias": "all", "bias_weight_decay": 0.1},
    "skip": {"bias": "output", "skips": [{"from": 0, "to": 2, "kind": "trainable"}]},
}
OTHERS: Final[dict[str, dict[str, Any]]] = {
    "absolute value": {"activation": "leaky_relu", "slope": -1.0},
    "leaky": {"activation": "leaky_relu", "slope": 0.2},
}
KINKED: Final = ("absolute", "quantile")
"""Losses whose errors at a kink are not decided by the weights, so that a correlation with them is not covered."""
SAME: Final = {*FREE, "global_minimum.reasons"}
"""What is no claim: sentences, words, and what the search was asked for and took."""


def cases() -> Iterator[Any]:
    """Every loss and every bias, and squared loss with all of them."""
    pairs = dict.fromkeys([*zip(LOSSES, BIASES, strict=True), *(("squared", bias) for bias in list(BIASES)[1:4])])
    for loss, bias in pairs:
        yield pytest.param(loss, BIASES[bias], {}, id=f"{loss}, bias {bias}")
    for name, kind in OTHERS.items():
        yield pytest.param("squared", BIASES["all decayed"], kind, id=name)


def problem(loss: str, network: dict[str, Any], kind: dict[str, Any]) -> dict[str, Any]:
    """One input, so that a proof takes no time."""
    x = np.array([-1.7, -1.0, -0.6, -0.1, 0.4, 0.9, 1.5, 2.0])
    y: Any = np.abs(x) - 1.5 * np.maximum(x - 0.5, 0.0) - 0.3
    if loss in ("logistic", "squared_hinge"):
        y = np.sign(y)
    if loss == "poisson":
        y = np.round(np.exp(y) + 0.5)
    hidden = {"width": 9, "weight_decay": 0.01, "activation": "relu", **kind}
    data = {"kind": "samples", "x": x[:, None].tolist(), "y": y.tolist()}
    layers = [hidden, {"width": 1, "weight_decay": 0.03}]
    return {"problem": {"network": {"layers": layers, **network}, "data": data, "objective": {"loss": loss}}}


def numbers(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], float]]:
    """Every number of a document, of long lists the first and the largest: a unit may be too small to matter."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from numbers(item, (*at, name))
    elif isinstance(value, list):
        plain = all(isinstance(item, int | float) for item in value)
        last = int(np.abs(value).argmax()) if plain and value else len(value) - 1
        for index in sorted({0, last} - {-1}):
            yield from numbers(value[index], (*at, index))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield at, value


def changed(answer: dict[str, Any], path: tuple[str | int, ...], value: float) -> dict[str, Any]:
    """A copy with one number replaced."""
    other = copy.deepcopy(answer)
    place: Any = other
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return other


@pytest.mark.parametrize(("loss", "network", "kind"), list(cases()))
def test_every_altered_number_is_refused(loss: str, network: dict[str, Any], kind: dict[str, Any]) -> None:
    answer = asked(problem(loss, network, kind))
    assert verify(parse_answer(answer), LIMITS).outcome == "agrees"
    accepted = set()
    for path, value in numbers({key: item for key, item in answer.items() if key != "problem"}):
        field = ".".join(str(step) for step in path if isinstance(step, str))
        if field.startswith(tuple(SAME)) or (loss in KINKED and field == "missing_unit.correlation"):
            continue
        whole = isinstance(value, int)
        for other in (value + 1, value - 1) if whole else (1.01 * value + 1e-3, 0.99 * value - 1e-3):
            try:
                outcome = verify(parse_answer(changed(answer, path, other)), LIMITS).outcome
            except InputError:
                outcome = "disagrees"
            if outcome == "agrees":
                accepted.add((field, "up" if other > value else "down"))
    assert accepted == set()


@pytest.fixture(scope="module")
def open_answer() -> dict[str, Any]:
    """An answer whose search was given up, with the unit that a diagnosis of its network finds missing."""
    rng = np.random.default_rng(3)
    body = problem("squared", {}, {})
    x, y = rng.standard_normal((12, 3)), rng.standard_normal(12)
    body["problem"]["data"] = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    answer = asked(body, effort=1, tolerance=1.0)
    network = answer["global_minimum"]
    weights = [np.array(part) for part in network["weights"]]
    # as far from rest as training in single precision leaves it
    moved = [(1.01 * part).tolist() for part in weights]
    asked_for = {**body["problem"], "weights": moved}
    asked_for["network"]["layers"][0]["width"] = len(moved[0])
    told = diagnose(parse(asked_for).request, LIMITS)
    assert told.relu_verdict is not None
    unit = told.relu_verdict.missing_unit
    assert unit is not None
    scale = told.relu_verdict.certificate.loss_per_sum
    loss, fit, decay = told.loss, told.terms.fit, told.terms.decay
    network |= {"loss": loss, "terms": {"fit": fit, "decay": decay}, "weights": moved}
    proof = answer["certificate"]
    proof["upper_bound"] = loss
    proof["relative_gap"] = (loss - proof["lower_bound"]) / loss
    assert scale == proof["loss_per_sum"]
    answer["missing_unit"] = {"direction": unit.direction, "sign": unit.sign, "correlation": unit.correlation}
    answer["reasons"].pop("missing_unit")
    answer["problem"]["network"]["layers"][0]["width"] = len(moved[0])
    return answer


@pytest.mark.parametrize("name", ["sign", "correlation", "direction"])
def test_a_missing_unit_is_checked(name: str, open_answer: dict[str, Any]) -> None:
    report = verify(parse_answer(open_answer), LIMITS)
    wrong = {check.field for check in report.checks if not check.agrees}
    assert not wrong - {"problem_hash", "status", "certificate.kind", "global_minimum.attained"}
    value = open_answer["missing_unit"][name]
    other = value[::-1] if name == "direction" else -value if name == "sign" else 1.001 * value
    report = verify(parse_answer(changed(open_answer, ("missing_unit", name), other)), LIMITS)
    assert any(check.field.startswith("missing_unit") and not check.agrees for check in report.checks)
