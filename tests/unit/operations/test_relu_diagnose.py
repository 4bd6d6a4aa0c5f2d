"""Verdicts on trained ReLU networks: certified, refuted with the unit that is missing, or undecided."""

import copy
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import evaluate
from service.operations.diagnose import diagnose, parse
from service.operations.mapping import problem as problem_mapping
from service.schemas.diagnose import DiagnoseAnswer
from service.schemas.problem import ProblemDocument
from service.schemas.relu import EXAMPLES
from service.settings import Limits
from service.vocabulary import PointClass
from tests.unit.operations.test_relu_verify import LOSSES, asked, problem

LIMITS = Limits()
NETWORKS: dict[str, dict[str, Any]] = {
    **{loss: problem(loss) for loss in LOSSES},
    "output bias": problem("squared", "output"),
    "all biases": problem("squared", "all"),
    "all biases, two classes": problem("logistic", "all"),
    "all biases decayed": problem("squared", "all", bias_weight_decay=0.1),
    "hidden bias decayed": problem("squared", "hidden", bias_weight_decay=0.01),
    "hidden bias": problem("squared", "hidden"),
    "absolute value": problem("squared", slope=-1.0),
    "leaky": problem("logistic", slope=0.3),
}


def judged(body: dict[str, Any], weights: Any, biases: Any = None, **more: Any) -> Any:
    """The diagnosis of a network that is as wide as its weights."""
    sent = copy.deepcopy(body["problem"])
    sent["network"]["layers"][0]["width"] = len(weights[0])
    given = {"weights": [np.asarray(part).tolist() for part in weights]}
    if biases is not None:
        given["biases"] = [None if part is None else np.asarray(part).tolist() for part in biases]
    request = parse({"problem": sent, **given, **more}).request
    return told(diagnose(request, LIMITS))


def told(answer: DiagnoseAnswer) -> Any:
    return answer.model_dump(mode="json", by_alias=True, exclude_unset=True)


@cache
def _minimum(name: str) -> Any:
    return asked(NETWORKS[name])["global_minimum"]


def minimum_of(name: str) -> tuple[list[FloatArray], list[FloatArray | None] | None, float]:
    """Weights and biases of the certified minimum, and its loss."""
    found = _minimum(name)
    biases = found.get("biases")
    parts = None if biases is None else [None if part is None else np.array(part) for part in biases]
    return [np.array(part) for part in found["weights"]], parts, found["loss"]


def without(unit: int, weights: list[FloatArray], biases: Any) -> tuple[list[FloatArray], Any]:
    kept = [np.delete(weights[0], unit, axis=0), np.delete(weights[1], unit, axis=1)]
    if biases is None or biases[0] is None:
        return kept, biases
    return kept, [np.delete(biases[0], unit), biases[1]]


def with_unit(unit: Any, weights: list[FloatArray], biases: Any) -> tuple[list[FloatArray], Any]:
    """With the unit that an answer says is missing."""
    grown = [np.vstack([weights[0], unit["weights"][0]]), np.hstack([weights[1], unit["weights"][1]])]
    if biases is None or biases[0] is None:
        return grown, biases
    return grown, [np.append(biases[0], unit["bias"]), biases[1]]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_certified_minimum_is_certified(name: str) -> None:
    weights, biases, loss = minimum_of(name)
    answer = judged(NETWORKS[name], weights, biases)
    verdict = answer["relu_verdict"]
    assert verdict["verdict"] == "certified", answer["summary"]
    assert verdict["certificate"]["relative_gap"] <= verdict["certificate"]["tolerance"]
    assert (answer["class"], answer["evidence"]) == ("global_minimum", "certified")
    assert answer["loss"] == pytest.approx(loss, rel=1e-9)
    assert answer["gap_upper_bound"] <= 1.01e-6 * loss
    assert answer["escape"] is None
    assert answer["global_minimum"]["status"] == "certified"
    assert verdict["largest_deviation"] < 1e-3


def test_minima_rest_on_kinks_and_are_certified_there() -> None:
    weights, biases, _ = minimum_of("squared")
    x = np.array(NETWORKS["squared"]["problem"]["data"]["x"])
    products = x @ weights[0].T
    unit, sample = np.argwhere(np.abs(products.T) < 1e-12)[0]
    # exactly at the kink, not only near it
    weights[0][unit] -= products[sample, unit] * x[sample] / (x[sample] @ x[sample])
    answer = judged(NETWORKS["squared"], weights, biases)
    assert answer["relu_verdict"]["verdict"] == "certified"
    assert "kink" in answer["reasons"]["inertia"]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_missing_unit_refutes_and_lowers_the_loss_as_predicted(name: str) -> None:
    body = NETWORKS[name]
    weights, biases, loss = minimum_of(name)
    # a unit without input weights stands for a bias of the output
    gone = int(np.where(weights[0].any(axis=1), np.abs(weights[1][0]), np.inf).argmin())
    less = without(gone, weights, biases)
    answer = judged(body, *less)
    verdict, unit = answer["relu_verdict"], answer["relu_verdict"]["missing_unit"]
    assert verdict["verdict"] == "refuted"
    assert answer["class"] != "global_minimum"
    assert answer["gap"] > 0.0
    assert answer["gap_upper_bound"] >= answer["gap"]
    assert unit["correlation"] > verdict["certificate"]["beta"]
    direction = weights[0][gone] / np.linalg.norm(weights[0][gone])
    assert abs(np.array(unit["direction"])[:2] @ direction) > 0.7
    assert unit["sign"] == np.sign(weights[1][0, gone])
    after = judged(body, *with_unit(unit, *less), effort=0)
    assert after["loss"] == pytest.approx(unit["loss"], rel=1e-12)
    assert answer["loss"] - after["loss"] == pytest.approx(unit["decrease"], rel=1e-7, abs=1e-13)
    assert after["loss"] >= loss * (1.0 - 2e-6)


def test_a_removed_unit_is_the_one_that_is_missing() -> None:
    # nothing else can do what the smallest unit did, so that its direction is found to all digits
    weights, biases, _ = minimum_of("squared")
    gone = int(np.abs(weights[1][0]).argmin())
    unit = judged(NETWORKS["squared"], *without(gone, weights, biases))["relu_verdict"]["missing_unit"]
    direction = weights[0][gone] / np.linalg.norm(weights[0][gone])
    assert np.array(unit["direction"]) @ direction == pytest.approx(1.0, abs=1e-9)


XOR = EXAMPLES["exclusive or"]


def test_a_network_at_rest_that_is_no_minimum_is_refuted() -> None:
    # one unit at its best on (1, 1): at rest by symmetry, while three corners are left alone
    beta, count, feature = 0.08, 4, 2.0**0.5
    amplitude = (feature - beta) / feature**2
    weights = [np.sqrt(amplitude) * np.array([[0.5**0.5, 0.5**0.5]]), np.array([[amplitude**0.5]])]
    answer = judged(XOR, weights)
    verdict = answer["relu_verdict"]
    assert verdict["largest_deviation"] < 1e-12
    assert verdict["verdict"] == "refuted"
    gained = (feature - beta) ** 2 / (2.0 * feature**2)
    assert verdict["missing_unit"]["decrease"] == pytest.approx(gained / count, rel=1e-12)
    # at its own width it may be the best: the bound is one for every width
    assert not verdict["better"]["fits"]
    assert answer["global_minimum"]["status"] == "bounded"
    assert answer["gap_lower_bound"] == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize(("factor", "verdict"), [(1.01, "certified"), (0.99, "refuted")])
def test_the_network_of_zeros_is_the_minimum_from_the_critical_decay_on(factor: float, verdict: str) -> None:
    body = copy.deepcopy(NETWORKS["squared"])
    critical = asked(body)["critical_decay"]
    for layer in body["problem"]["network"]["layers"]:
        layer["weight_decay"] = factor * critical
    answer = judged(body, [np.zeros((3, 2)), np.zeros((1, 3))])
    assert answer["relu_verdict"]["verdict"] == verdict
    assert answer["relu_verdict"]["idle_units"] == 3
    assert answer["relu_verdict"]["reasons"]["largest_deviation"]


def test_balancing_gains_what_it_says() -> None:
    body = copy.deepcopy(NETWORKS["squared"])
    for layer in body["problem"]["network"]["layers"]:
        layer["weight_decay"] = 0.03
    rng = np.random.default_rng(2)
    weights = [rng.standard_normal((4, 2)), rng.standard_normal((1, 4))]
    answer = judged(body, weights)
    lengths, outputs = np.linalg.norm(weights[0], axis=1), np.abs(weights[1][0])
    gains = [unit["balancing_gain"] for unit in answer["relu_verdict"]["units"]]
    assert gains == pytest.approx(list(0.03 * (lengths - outputs) ** 2), rel=1e-12)
    scale = np.sqrt(outputs / lengths)
    even = judged(body, [scale[:, None] * weights[0], weights[1] / scale], effort=0)
    assert answer["loss"] - even["loss"] == pytest.approx(answer["relu_verdict"]["balancing_gain"], rel=1e-10)
    assert even["relu_verdict"]["balancing_gain"] == pytest.approx(0.0, abs=1e-15)


def test_units_that_reach_no_sample_are_counted_and_cost() -> None:
    body = NETWORKS["hidden bias decayed"]
    weights, biases, loss = minimum_of("hidden bias decayed")
    assert biases is not None
    unit = {"weights": [[[0.1, 0.0]], [[0.5]]], "bias": -10.0}
    answer = judged(body, *with_unit(unit, weights, biases))
    verdict = answer["relu_verdict"]
    assert (verdict["verdict"], verdict["idle_units"]) == ("refuted", 1)
    assert verdict["units"][-1] == {
        "balancing_gain": pytest.approx(verdict["units"][-1]["balancing_gain"]),
        "deviation": None,
        "active_samples": 0,
    }
    assert verdict["better"]["fits"]
    assert verdict["better"]["loss"] == pytest.approx(loss, rel=1e-6)


def test_what_a_free_bias_leaves_the_kinks_behind_with_is_the_same_network() -> None:
    # a bias far beyond all samples only adds a constant, which the bias of the output takes over at no cost
    body = NETWORKS["all biases"]
    weights, biases, loss = minimum_of("all biases")
    assert biases is not None and biases[0] is not None and biases[1] is not None  # noqa: PT018 - told apart by name
    far, height = 40.0, 1e-9
    unit = {"weights": [[[height, 0.0]], [[height]]], "bias": far}
    grown, moved = with_unit(unit, weights, biases)
    answer = judged(body, grown, [moved[0], moved[1] - height * far])
    assert answer["loss"] == pytest.approx(loss, rel=1e-9)
    assert answer["relu_verdict"]["verdict"] == "certified"


def test_a_small_effort_leaves_it_open_with_an_honest_gap() -> None:
    rng = np.random.default_rng(3)
    body = copy.deepcopy(NETWORKS["squared"])
    x, y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    body["problem"]["data"] = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    found = asked({**body, "effort": 600})["global_minimum"]
    weights, biases, loss = found["weights"], None, found["loss"]
    answer = judged(body, weights, biases, effort=0)
    verdict = answer["relu_verdict"]
    assert verdict["verdict"] == "undecided"
    assert answer["class"] != PointClass.GLOBAL_MINIMUM
    assert verdict["certificate"]["lower_bound"] < loss <= verdict["certificate"]["upper_bound"]
    assert verdict["certificate"]["cones"] == 0
    assert judged(body, weights, biases, effort=0, tolerance=1.0)["relu_verdict"]["verdict"] == "certified"


def test_many_inputs_are_judged_without_cones() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((30, 12))
    y = np.maximum(x @ rng.standard_normal(12), 0.0)
    body = copy.deepcopy(NETWORKS["squared"])
    body["problem"]["network"]["layers"] = [
        {"width": 6, "activation": "relu", "weight_decay": 0.3},
        {"width": 1, "weight_decay": 0.3},
    ]
    body["problem"]["data"] = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    verdict = judged(body, [rng.standard_normal((6, 12)), rng.standard_normal((1, 6))])["relu_verdict"]
    assert verdict["verdict"] == "refuted"
    assert verdict["certificate"]["cones"] == 0
    assert 0.0 < verdict["certificate"]["lower_bound"] <= verdict["better"]["loss"]


def drawn(rng: np.random.Generator) -> tuple[dict[str, Any], DenseParameters]:
    """A problem and a point of it, drawn at random: as it is or after some training."""
    inputs, count, width = (int(rng.integers(low, high)) for low, high in ((1, 4), (3, 11), (1, 6)))
    loss = str(rng.choice(["squared", "logistic", "huber", "poisson", "squared_hinge"]))
    bias = str(rng.choice(["none", "output", "all"]))
    y = rng.standard_normal(count)
    y = {"logistic": np.sign(y), "squared_hinge": np.sign(y), "poisson": np.round(np.exp(y))}.get(loss, y)
    decay = float(10.0 ** rng.uniform(-2.5, -0.5))
    layers = [{"width": width, "activation": "relu", "weight_decay": decay}, {"width": 1, "weight_decay": 0.5 * decay}]
    network = {"layers": layers, "bias": bias, **({"bias_weight_decay": 0.1} if rng.random() < 0.3 else {})}
    data = {"kind": "samples", "x": rng.standard_normal((count, inputs)).tolist(), "y": y.tolist()}
    body = {"problem": {"network": network, "data": data, "objective": {"loss": loss}}}
    hidden = None if bias != "all" else rng.standard_normal(width)
    output = None if bias == "none" else rng.standard_normal(1)
    weights = (rng.standard_normal((width, inputs)), rng.standard_normal((1, width)))
    return body, DenseParameters(weights, (hidden, output))


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_certified_that_a_search_can_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    body, start = drawn(rng)
    core = problem_mapping.to_core(ProblemDocument.model_validate(body["problem"]), LIMITS, relu=True).core
    assert core.samples is not None
    samples = core.samples

    def value(flat: FloatArray) -> tuple[float, FloatArray]:
        found = evaluate(core.network, core.loss, unflatten(flat, start), samples)
        return found.loss, flatten(found.gradient)

    def trained(begin: FloatArray, steps: int) -> tuple[float, FloatArray]:
        found = minimize(value, begin, jac=True, method="L-BFGS-B", options={"maxiter": steps, "ftol": 1e-15})
        return float(found.fun), np.asarray(found.x)

    flat = flatten(start)
    for steps in (0, 10, 2_000):
        at = flat if not steps else trained(flat, steps)[1]
        point = unflatten(at, start)
        answer = judged(body, point.weights, None if body["problem"]["network"]["bias"] == "none" else point.biases)
        verdict = answer["relu_verdict"]
        others = [trained(at, 2_000)[0], *(trained(rng.standard_normal(at.size), 500)[0] for _ in range(4))]
        lowest = min(others)
        assert answer["loss"] == pytest.approx(value(at)[0], rel=1e-12)
        assert verdict["certificate"]["lower_bound"] <= min(lowest, answer["loss"])
        if verdict["verdict"] == "certified":
            assert lowest >= answer["loss"] * (1.0 - 1e-6)
        elif verdict["verdict"] == "refuted":
            assert verdict["better"]["loss"] < answer["loss"]
            assert verdict["better"]["loss"] >= verdict["certificate"]["lower_bound"] * (1.0 - 1e-12)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"layers": [{"width": 2, "activation": "relu"}, {"width": 1}]}, "a layer has no weight decay"),
    ],
)
def test_networks_without_a_bound_say_why(change: dict[str, Any], reason: str) -> None:
    body = copy.deepcopy(NETWORKS["squared"])
    body["problem"]["network"] |= change
    answer = judged(body, [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]])
    assert answer["relu_verdict"] is None
    assert reason in answer["reasons"]["relu_verdict"]


def test_other_networks_have_no_verdict() -> None:
    body = copy.deepcopy(NETWORKS["squared"])
    body["problem"]["network"]["layers"][0]["activation"] = "tanh"
    assert "relu_verdict" not in judged(body, [[[1.0, 0.0]], [[1.0]]])
