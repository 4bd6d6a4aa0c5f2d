"""Answers about ReLU networks: found by a plan and at once, verified by themselves, refused once altered."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from service.errors import InputError, NotCovered
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.minima import parse
from service.operations.plans.relu import WORK
from service.operations.relu_minima import minima_of_any
from service.operations.verify import parse_answer, verify
from service.schemas.relu import EXAMPLES, ReluMinimaRequest
from service.settings import Limits

LIMITS = Limits()
FREE = {"summary", "reasons", "certificate.tolerance", "certificate.cones", "certificate.searches"}
"""What is no claim: sentences, words, and what the search was asked for and took."""


def asked(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The answer of the plan, as JSON."""
    request = ReluMinimaRequest.model_validate({**body, "return": {"problem": True}, **more})
    found = decode(run_inline(WORK.plan(request, LIMITS), WORK.guarded()))
    answer: dict[str, Any] = json.loads(json.dumps(found, default=lambda array: array.tolist()))
    return answer


def problem(loss: str, bias: str = "none", *, slope: float | None = None, **network: Any) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    x = rng.standard_normal((14, 2))
    y: Any = np.sin(2 * x[:, 0]) + x[:, 1]
    if loss in ("logistic", "squared_hinge"):
        y = np.sign(y)
    if loss == "poisson":
        y = np.round(np.exp(y))
    kind = {"activation": "relu"} if slope is None else {"activation": "leaky_relu", "slope": slope}
    layers = [{"width": 20, "weight_decay": 0.02, **kind}, {"width": 1, "weight_decay": 0.05}]
    return {
        "problem": {
            "network": {"layers": layers, "bias": bias, **network},
            "data": {"kind": "samples", "x": x.tolist(), "y": y.tolist()},
            "objective": {"loss": loss},
        }
    }


def paths(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every number, word and truth value of a document, of long lists the first two."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from paths(item, (*at, name))
    elif isinstance(value, list):
        for index, item in enumerate(value[:2]):
            yield from paths(item, (*at, index))
    else:
        yield at, value


def altered(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return 1.01 * value + 1e-3
    return value + 1 if isinstance(value, int) else f"{value}x"


def bounded(widths: list[int], outputs: int, decay: float, loss: str = "squared", **network: Any) -> dict[str, Any]:
    """A problem that is only bounded."""
    rng = np.random.default_rng(8)
    x = rng.standard_normal((9, 2))
    x[0] = x[1]
    y: Any = np.maximum(x @ rng.standard_normal((2, 3)), 0.0) @ rng.standard_normal((3, outputs))
    y += 0.2 * rng.standard_normal(y.shape)
    hidden = [{"width": width, "weight_decay": decay, "activation": "relu"} for width in widths]
    labels = y.argmax(axis=1) if loss == "cross_entropy" else y
    return {
        "problem": {
            "network": {"layers": [*hidden, {"width": outputs, "weight_decay": decay}], **network},
            "data": {"kind": "samples", "x": x.tolist(), "y": labels.tolist()},
            "objective": {"loss": loss},
        }
    }


BOUNDED = {
    "two outputs": bounded([8], 2, 0.02, bias="output"),
    "cross-entropy": bounded([8], 3, 0.02, "cross_entropy"),
    "three layers": bounded([5, 5], 1, 0.01),
    "no decay": bounded([10], 1, 0.0, bias="all"),
    "more layers without decay": bounded([10, 9], 2, 0.0, bias="hidden"),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_a_network_that_is_only_bounded_is_verified_and_the_same_by_minima(name: str) -> None:
    answer = asked(BOUNDED[name])
    assert answer["solver"] == "relu_bounds"
    assert answer["certificate"]["lower_bound"] <= answer["global_minimum"]["loss"]
    report = verify(parse_answer(answer), LIMITS)
    assert report.outcome == "agrees", [check for check in report.checks if not check.agrees]
    at_once = minima_of_any(parse(BOUNDED[name]["problem"]).request, LIMITS)
    assert at_once.global_minimum.loss == pytest.approx(answer["global_minimum"]["loss"], rel=1e-6)
    assert at_once.certificate.lower_bound == pytest.approx(answer["certificate"]["lower_bound"], rel=1e-6)


LOSSES = ("squared", "logistic", "squared_hinge", "huber", "absolute", "quantile", "poisson")


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_is_certified_and_verified(loss: str) -> None:
    answer = asked(problem(loss))
    assert answer["status"] == "certified"
    assert answer["certificate"]["lower_bound"] <= answer["global_minimum"]["loss"]
    report = verify(parse_answer(answer), LIMITS)
    assert report.outcome == "agrees", [check for check in report.checks if not check.agrees]


@pytest.mark.parametrize(
    "body",
    [
        problem("squared", "output"),
        problem("squared", "all"),
        problem("logistic", "all"),
        problem("squared", "all", bias_weight_decay=0.1),
        problem("squared", "hidden", bias_weight_decay=0.01),
        problem("squared", "hidden"),
        problem("huber", "output", skips=[{"from": 0, "to": 2, "kind": "trainable"}]),
        problem("squared", slope=-1.0),
        problem("logistic", slope=0.3),
    ],
    ids=[
        "output bias",
        "all biases",
        "all biases, two classes",
        "all biases decayed",
        "hidden bias decayed",
        "hidden bias",
        "linear skip",
        "absolute value",
        "leaky",
    ],
)
def test_each_network_is_certified_and_verified(body: dict[str, Any]) -> None:
    answer = asked(body)
    assert answer["status"] == "certified"
    assert answer["certificate"]["lower_bound"] <= answer["certificate"]["upper_bound"]
    assert verify(parse_answer(answer), LIMITS).outcome == "agrees"


@pytest.mark.parametrize("name", [*EXAMPLES, "two outputs", "three layers", "no decay"])
def test_every_altered_number_is_found(name: str) -> None:
    answer = asked({**EXAMPLES, **BOUNDED}[name])
    accepted = set()
    for path, value in paths({key: item for key, item in answer.items() if key != "problem"}):
        if value is None:
            continue
        changed = copy.deepcopy(answer)
        place: Any = changed
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = altered(value)
        try:
            outcome = verify(parse_answer(changed), LIMITS).outcome
        except InputError:
            outcome = "disagrees"
        if outcome == "agrees":
            accepted.add(".".join(str(step) for step in path if isinstance(step, str)))
    assert {field for field in accepted if not field.split(".reasons")[0].startswith(tuple(FREE))} <= {
        "global_minimum.reasons.unique"
    }


def test_a_bound_without_its_proof_is_refused() -> None:
    answer = asked(EXAMPLES["exclusive or"])
    answer["certificate"]["dual"] = [1.5 * value for value in answer["certificate"]["dual"]]
    report = verify(parse_answer(answer), LIMITS)
    assert "certificate.feature_bound" in {check.field for check in report.checks if not check.agrees}


def test_minima_gives_the_same_minimum() -> None:
    body = problem("squared")
    at_once = minima_of_any(parse(body["problem"]).request, LIMITS)
    assert at_once.solver == "relu_duality"
    assert at_once.global_minimum.loss == pytest.approx(asked(body)["global_minimum"]["loss"], rel=2e-6)


def test_large_decay_switches_every_unit_off() -> None:
    body = problem("squared")
    critical = asked(body)["critical_decay"]
    for layer in body["problem"]["network"]["layers"]:
        layer["weight_decay"] = 1.001 * critical
    above = asked(body)
    assert above["global_minimum"]["trivial"]
    assert above["status"] == "certified"
    for layer in body["problem"]["network"]["layers"]:
        layer["weight_decay"] = 0.999 * critical
    below = asked(body)
    assert not below["global_minimum"]["trivial"]
    assert below["global_minimum"]["loss"] < above["global_minimum"]["loss"]


def test_a_small_effort_is_an_honest_gap() -> None:
    rng = np.random.default_rng(3)
    body = problem("squared")
    body["problem"]["data"] = {
        "kind": "samples",
        "x": rng.standard_normal((40, 5)).tolist(),
        "y": rng.standard_normal(40).tolist(),
    }
    answer = asked(body, effort=1)
    assert answer["status"] == "bounded"
    assert answer["certificate"]["relative_gap"] > answer["certificate"]["tolerance"]
    assert answer["certificate"]["lower_bound"] <= answer["global_minimum"]["loss"]


def test_many_inputs_have_a_bound_without_cones() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((80, 12))
    body = problem("squared")
    body["problem"]["network"]["layers"] = [
        {"width": 80, "activation": "relu", "weight_decay": 0.2},
        {"width": 1, "weight_decay": 0.2},
    ]
    y = np.maximum(x @ rng.standard_normal(12), 0.0) + 0.1 * rng.standard_normal(80)
    body["problem"]["data"] = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    answer = asked(body)
    assert answer["certificate"]["cones"] == 0
    assert 0.0 < answer["certificate"]["relative_gap"] < 0.3
    assert answer["reasons"]["critical_decay"].startswith("the rank of the inputs")
    assert verify(parse_answer(answer), LIMITS).outcome == "agrees"


def test_a_network_narrower_than_its_minimum_has_a_bound_only() -> None:
    body = copy.deepcopy(EXAMPLES["exclusive or"])
    body["problem"]["network"]["layers"][0]["width"] = 1
    answer = asked(body)
    assert (answer["status"], answer["global_minimum"]["attained"]) == ("bounded", False)
    narrow = answer["within_width"]
    assert len(narrow["weights"][0]) <= 1
    assert answer["certificate"]["lower_bound"] <= answer["global_minimum"]["loss"] <= narrow["loss"]
    assert verify(parse_answer(answer), LIMITS).outcome == "agrees"
    for path, value in paths(narrow):
        changed = copy.deepcopy(answer)
        place: Any = changed["within_width"]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = altered(value)
        assert verify(parse_answer(changed), LIMITS).outcome == "disagrees", path


def test_a_constant_that_only_a_large_hidden_bias_gives_is_not_attained() -> None:
    with_output, without = (asked(problem("squared", bias)) for bias in ("all", "hidden"))
    assert with_output["global_minimum"]["attained"]
    minimum = without["global_minimum"]
    assert (without["status"], minimum["attained"]) == ("certified", False)
    assert minimum["loss"] == pytest.approx(with_output["global_minimum"]["loss"], rel=2e-6)
    assert minimum["width_needed"] == with_output["global_minimum"]["width_needed"] + 1
    assert max(abs(bias) for bias in minimum["biases"][0]) > 1e3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"skips": [{"from": 0, "to": 1, "kind": "trainable"}]}, "a skip"),
    ],
)
def test_what_is_not_covered_is_named(change: dict[str, Any], reason: str) -> None:
    body = problem("squared")
    body["problem"]["network"] |= change
    with pytest.raises(NotCovered, match=reason):
        asked(body)


DEGENERATE: dict[str, tuple[list[list[float]], list[float]]] = {
    "one sample": ([[1.0, 2.0]], [1.0]),
    "one input": ([[1.0], [-1.0], [0.5]], [1.0, 2.0, 0.0]),
    "repeated rows": ([[1.0, 0.5]] * 3, [1.0, 2.0, 3.0]),
    "opposite rows": ([[1.0, 0.5], [-1.0, -0.5]], [1.0, 2.0]),
    "collinear rows": ([[1.0, 2.0], [2.0, 4.0], [-3.0, -6.0]], [1.0, 0.0, 2.0]),
    "a row of zeros": ([[0.0, 0.0], [1.0, 1.0], [1.0, -1.0]], [3.0, 1.0, 2.0]),
    "no input but zeros": ([[0.0, 0.0], [0.0, 0.0]], [1.0, 2.0]),
    "targets all equal": ([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [2.0, 2.0, 2.0]),
    "targets all zero": ([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]),
}


@pytest.mark.parametrize("bias", ["none", "output"])
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_data_have_an_answer(name: str, bias: str) -> None:
    x, y = DEGENERATE[name]
    body = problem("squared", bias)
    body["problem"]["data"] = {"kind": "samples", "x": x, "y": y}
    answer = asked(body)
    assert answer["status"] == "certified"
    assert verify(parse_answer(answer), LIMITS).outcome == "agrees"
