"""`/v1/diagnose`: the point in the caller's convention, what is refused, and what needs no solver."""

import io
import json
from typing import Any

import numpy as np
import pytest

from service.core.ground.numbers.arrays import FloatArray
from service.schemas.diagnose import DIAGNOSE_EXAMPLE
from tests.serving import call

RNG = np.random.default_rng(11)
X = RNG.normal(size=(9, 3))
Y = RNG.normal(size=(9, 2))
WEIGHTS = [RNG.normal(size=(4, 3)), RNG.normal(size=(2, 4))]
DECAYS = [0.3, 0.1]
FACTORS = {"mean": 1 / 9, "half_mean": 1 / 18, "sum": 1.0, "half_sum": 0.5, "torch": 1 / 18}


def asked(**changes: Any) -> dict[str, Any]:
    layers = [{"width": 4, "weight_decay": DECAYS[0]}, {"width": 2, "weight_decay": DECAYS[1]}]
    data = {"kind": "samples", "x": X.tolist(), "y": Y.tolist()}
    weights = [weight.tolist() for weight in WEIGHTS]
    return {"network": {"layers": layers}, "data": data, "weights": weights, **changes}


def diagnosed(base: str, body: object) -> Any:
    reply = call(base, "POST", "/v1/diagnose", body)
    assert reply.status == 200, reply.content
    return reply.json


def written_down(weights: list[FloatArray], convention: str) -> float:
    """The objective from its definition."""
    fit = FACTORS[convention] * float(np.sum((X @ weights[0].T @ weights[1].T - Y) ** 2))
    decay = 0.5 if convention == "torch" else 1.0
    return fit + decay * sum(g * float(np.sum(weight**2)) for g, weight in zip(DECAYS, weights, strict=True))


@pytest.mark.parametrize("convention", FACTORS)
def test_loss_gradient_and_curvature_are_those_of_the_convention(base: str, convention: str) -> None:
    answer = diagnosed(base, asked(objective={"convention": convention}, include=["spectrum"]))
    flat = np.concatenate([weight.ravel() for weight in WEIGHTS])

    def loss(point: FloatArray) -> float:
        return written_down([point[:12].reshape(4, 3), point[12:].reshape(2, 4)], convention)

    step, unit = 1e-4, np.eye(flat.size)
    gradient = [(loss(flat + step * e) - loss(flat - step * e)) / (2 * step) for e in unit]
    assert answer["loss"] == pytest.approx(loss(flat), rel=1e-12)
    assert sum(answer["terms"].values()) == pytest.approx(answer["loss"], rel=1e-12)
    assert answer["gradient_norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-6)
    trace = sum(loss(flat + step * e) + loss(flat - step * e) - 2 * loss(flat) for e in unit) / step**2
    spectrum = answer["spectrum"]
    assert sum(spectrum["values"]) == pytest.approx(trace, rel=1e-5)
    assert sum(map(sum, spectrum["layers"])) == pytest.approx(trace, rel=1e-5)
    assert answer["least_hessian_eigenvalue"] == pytest.approx(spectrum["values"][0], rel=1e-9)
    lower, upper = (g * w for g, w in zip(DECAYS, (WEIGHTS[0] @ WEIGHTS[0].T, WEIGHTS[1].T @ WEIGHTS[1]), strict=True))
    assert answer["invariants"] == [{"layers": [1, 2], "imbalance": pytest.approx(np.linalg.norm(lower - upper))}]


@pytest.mark.parametrize("convention", ["mean", "half_sum", "torch"])
def test_the_escape_reaches_the_loss_that_it_names(base: str, convention: str) -> None:
    answer = diagnosed(base, asked(objective={"convention": convention}))
    escape = answer["escape"]
    moved = [w + escape["step"] * np.array(d) for w, d in zip(WEIGHTS, escape["weights"], strict=True)]
    assert answer["class"] == "not_stationary"
    assert sum(np.sum(np.square(d)) for d in escape["weights"]) == pytest.approx(1.0)
    assert escape["loss"] == pytest.approx(written_down(moved, convention), rel=1e-9)
    assert escape["decrease"] == pytest.approx(answer["loss"] - escape["loss"], rel=1e-9)


@pytest.mark.parametrize("form", ["full", "factors"])
def test_weights_of_a_minimum_are_the_global_minimum(base: str, form: str) -> None:
    problem = {name: value for name, value in asked().items() if name != "weights"}
    # a centred bias is part of the point
    problem["network"] = {**problem["network"], "bias": "output"}
    minimum = call(base, "POST", "/v1/minima", {"problem": problem, "return": {"weights": form}}).json["global_minimum"]
    point = {"weights": minimum["weights"], "biases": minimum["biases"]}
    answer = diagnosed(base, {"problem": problem, **point})
    assert answer["class"] == "global_minimum"
    assert answer["gap"] == pytest.approx(0.0, abs=1e-9)
    assert answer["loss"] == pytest.approx(minimum["loss"], rel=1e-10)
    assert answer["escape"] is None
    assert "global minimum" in answer["reasons"]["escape"]


def test_weights_may_come_as_arrays(base: str) -> None:
    body = asked()
    expected = diagnosed(base, body)
    del body["weights"]
    del body["data"]["x"]
    stream = io.BytesIO()
    arrays = {f"weights.{index}": weight for index, weight in reversed(list(enumerate(WEIGHTS)))}
    np.savez(stream, request=np.array(json.dumps(body)), **{"data.x": X}, **arrays)  # type: ignore[arg-type]  # names are arrays, not allow_pickle
    reply = call(base, "POST", "/v1/diagnose", stream.getvalue(), {"content-type": "application/x-npz"})
    assert reply.json == expected


def test_directions_tell_what_is_missing(base: str) -> None:
    directions = diagnosed(base, DIAGNOSE_EXAMPLE)["directions"]
    assert [item["index"] for item in directions["missing"]] == [0]
    assert [item["index"] for item in directions["learned"]] == [1]


def test_a_problem_without_solver_is_diagnosed_without_gap(base: str) -> None:
    data = {"kind": "samples", "x": (X + 1.0).tolist(), "y": Y.tolist()}
    layers = asked()["network"]["layers"]
    network = {"layers": layers, "bias": "hidden", "bias_weight_decay": 0.1}
    body = asked(data=data, network=network, biases=[[0.1, 0.2, 0.3, 0.4], None])
    problem = {"network": network, "data": data}
    assert call(base, "POST", "/v1/minima", problem).json["type"].endswith("not-covered")
    answer = diagnosed(base, body)
    for name in ("gap", "global_minimum", "next_stationary_loss"):
        assert answer[name] is None
        assert answer["reasons"][name]
    assert answer["loss"] > 0.0


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"weights": [WEIGHTS[0].tolist()]}, "/weights"),
        ({"weights": [WEIGHTS[0].tolist(), np.ones((2, 3)).tolist()]}, "/weights/1"),
        ({"weights": [[[1.0, 2.0, 3.0], [1.0]], WEIGHTS[1].tolist()]}, "/weights/0/1"),
        ({"weights": [(1e200 * WEIGHTS[0]).tolist(), WEIGHTS[1].tolist()]}, "/weights"),
        ({"biases": [[1.0] * 4, None]}, "/biases/0"),
        ({"biases": [None]}, "/biases"),
        ({"data": {"kind": "none", "inputs": 3}}, "/data/kind"),
        ({"network": {"layers": [{"width": 2001}, {"width": 2}]}}, "/network/layers/0/width"),
        ({"include": ["everything"]}, "/include/0"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(base: str, changes: dict[str, Any], pointer: str) -> None:
    reply = call(base, "POST", "/v1/diagnose", asked(**changes))
    assert reply.status == 422
    assert [item["pointer"] for item in reply.json["errors"]] == [pointer]


def test_numbers_beyond_double_precision_are_refused_in_their_layer(base: str) -> None:
    body = b'{"network": {"layers": [{"width": 1}]}, "data": {"kind": "moments", "xx": [[1]], "xy": [[1]], "yy": 1}'
    reply = call(base, "POST", "/v1/diagnose", body + b', "weights": [[[1e999]]]}')
    assert reply.status == 422
    assert reply.json["errors"][0]["pointer"].startswith("/weights/0")


def test_factors_that_stand_for_too_many_numbers_are_refused_before_they_are_multiplied(base: str) -> None:
    side = {"uniform": 1.0, "length": 10**6}
    huge = {"shape": [10**6, 10**6], "left": side, "values": [1.0], "right": side}
    reply = call(base, "POST", "/v1/diagnose", asked(weights=[huge, huge]))
    assert reply.status == 422
    assert reply.json["type"].endswith("limit-exceeded")


FROZEN = RNG.normal(size=(2, 3))


def with_a_frozen_layer(weights: list[Any], **changes: Any) -> dict[str, Any]:
    layers = [
        {"width": 3, "weight_decay": 0.0},
        {"width": 2, "frozen_weights": FROZEN.tolist()},
        {"width": 2, "weight_decay": 0.2, **changes},
    ]
    return asked(network={"layers": layers}, weights=[weights[0], FROZEN.tolist(), weights[1]])


def test_layers_that_are_not_trained_stay_as_they_are(base: str) -> None:
    first, last = RNG.normal(size=(3, 3)), RNG.normal(size=(2, 2))

    def loss(point: FloatArray) -> float:
        one, other = point[:9].reshape(3, 3), point[9:].reshape(2, 2)
        fit = float(np.mean(np.sum((X @ (other @ FROZEN @ one).T - Y) ** 2, axis=1)))
        return fit + 0.2 * float(np.sum(other**2))

    flat, step, unit = np.concatenate([first.ravel(), last.ravel()]), 1e-4, np.eye(13)
    gradient = [(loss(flat + step * e) - loss(flat - step * e)) / (2 * step) for e in unit]
    hessian = np.array(
        [
            [loss(flat + p + q) - loss(flat + p - q) - loss(flat - p + q) + loss(flat - p - q) for p in step * unit]
            for q in step * unit
        ]
    ) / (4 * step**2)
    body = with_a_frozen_layer([first.tolist(), last.tolist()]) | {"include": ["spectrum"]}
    answer = diagnosed(base, body)
    assert answer["loss"] == pytest.approx(loss(flat), rel=1e-12)
    assert answer["gradient_norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-6)
    np.testing.assert_allclose(answer["spectrum"]["values"], np.linalg.eigvalsh(hessian), atol=1e-5)
    assert answer["spectrum"]["reasons"]["layers"] == "a layer is not trained"
    assert not np.any(answer["escape"]["weights"][1])
    assert answer["invariants"] == []

    solved = call(base, "POST", "/v1/minima", {"problem": {k: v for k, v in body.items() if k in ("network", "data")}})
    least = solved.json["global_minimum"]
    assert answer["gap"] == pytest.approx(answer["loss"] - least["loss"], rel=1e-9)
    saddle = diagnosed(base, with_a_frozen_layer([np.zeros((3, 3)).tolist(), np.zeros((2, 2)).tolist()]))
    assert (saddle["class"], saddle["inertia"]["negative"] > 0) == ("strict_saddle", True)
    moved = with_a_frozen_layer([first.tolist(), last.tolist()])
    moved["weights"][1][0][0] += 1e-3
    refused = call(base, "POST", "/v1/diagnose", moved)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/weights/1")
    still = asked(weights=[FROZEN[:, :3].tolist()])
    still["network"] = {"layers": [{"width": 2, "frozen_weights": FROZEN[:, :3].tolist()}]}
    assert call(base, "POST", "/v1/diagnose", still).json["type"] == "/problems/not-covered"


def test_a_minimum_behind_a_frozen_layer_is_known_as_one(base: str) -> None:
    body = with_a_frozen_layer([np.zeros((3, 3)).tolist(), np.zeros((2, 2)).tolist()], weight_decay=0.0)
    problem = {name: body[name] for name in ("network", "data")}
    weights = call(base, "POST", "/v1/minima", {"problem": problem, "return": {"weights": "full"}}).json
    answer = diagnosed(base, {**problem, "weights": weights["global_minimum"]["weights"]})
    assert (answer["class"], answer["evidence"]) == ("global_minimum", "certified")


ACTIVATIONS: dict[str, Any] = {
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0.0, z, 0.1 * z),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1.0 / (1.0 + np.exp(-z)),
    "softplus": lambda z: np.log1p(np.exp(z)),
    "quadratic": np.square,
}


@pytest.mark.parametrize("convention", FACTORS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_networks_with_activations_have_loss_gradient_and_curvature_and_no_gap(
    base: str, activation: str, convention: str
) -> None:
    layers: list[dict[str, Any]] = [{"width": 4, "weight_decay": 0.3, "activation": activation}, {"width": 2}]
    if activation == "leaky_relu":
        layers[0]["slope"] = 0.1
    answer = diagnosed(base, asked(network={"layers": layers}, objective={"convention": convention}))

    def loss(first: FloatArray, second: FloatArray) -> float:
        hidden = ACTIVATIONS[activation](X @ first.T)
        decay = 0.5 if convention == "torch" else 1.0
        fit = FACTORS[convention] * float(np.sum((hidden @ second.T - Y) ** 2))
        return fit + decay * 0.3 * float(np.sum(first**2))

    assert answer["loss"] == pytest.approx(loss(*WEIGHTS), rel=1e-12)
    assert answer["terms"]["fit"] + answer["terms"]["decay"] == pytest.approx(answer["loss"], rel=1e-12)
    flat, step = np.concatenate([weight.ravel() for weight in WEIGHTS]), 1e-6
    around = [
        [
            loss(
                *(
                    part.reshape(weight.shape)
                    for part, weight in zip(np.split(flat + sign * step * unit, [12]), WEIGHTS, strict=True)
                )
            )
            for sign in (1.0, -1.0)
        ]
        for unit in np.eye(flat.size)
    ]
    slope = [(above - below) / (2 * step) for above, below in around]
    assert answer["gradient_norm"] == pytest.approx(float(np.linalg.norm(slope)), rel=1e-6)
    assert sum(answer["inertia"].values()) == flat.size
    assert answer["least_hessian_eigenvalue"] is not None
    for name in ("gap", "gap_lower_bound", "gap_upper_bound", "global_minimum"):
        assert answer[name] is None
        assert answer["reasons"][name] == "no bound for this network is known"
    assert answer["directions"] is None
    assert answer["reasons"]["directions"]
    assert (answer["class"], answer["evidence"]) == ("not_stationary", "proved")
    after = [
        a + answer["escape"]["step"] * np.array(b) for a, b in zip(WEIGHTS, answer["escape"]["weights"], strict=True)
    ]
    assert loss(*after) == pytest.approx(answer["escape"]["loss"], rel=1e-9)
    assert loss(*after) < answer["loss"]


@pytest.mark.parametrize("loss", ["logistic", "exponential", "cross_entropy", "weighted_squared"])
def test_other_losses_are_diagnosed_on_samples(base: str, loss: str) -> None:
    labels = [0, 1, 1, 0, 1, 0, 0, 1, 1]
    y: Any = labels if loss != "weighted_squared" else Y.tolist()
    width = 1 if loss in ("logistic", "exponential") else 2
    layers = [{"width": 4, "activation": "tanh"}, {"width": width}]
    objective: dict[str, Any] = {"loss": loss} | ({"weights": [1.0, 2.0]} if loss == "weighted_squared" else {})
    data = {"kind": "samples", "x": X.tolist(), "y": y}
    if loss != "weighted_squared":
        data["task"] = "classification"
    weights = [WEIGHTS[0].tolist(), WEIGHTS[1][:width].tolist()]
    body = asked(network={"layers": layers}, objective=objective, data=data, weights=weights)
    answer = diagnosed(base, body)
    assert answer["gradient_norm"] > 0.0
    assert answer["inertia"] is not None
    assert len(answer["summary"]) >= 3


def test_a_gap_is_known_where_a_solver_knows_the_minimum_of_the_loss(base: str) -> None:
    layers = [{"width": 2}, {"width": 2}]
    objective = {"loss": "weighted_squared", "weights": [1.0, 2.0]}
    problem = {"network": {"layers": layers}, "data": asked()["data"], "objective": objective}
    reply = call(base, "POST", "/v1/minima", {"problem": problem, "return": {"weights": "full"}})
    found = reply.json["global_minimum"]
    answer = diagnosed(base, {"problem": problem, "weights": found["weights"]})
    assert answer["class"] == "global_minimum"
    assert answer["loss"] == pytest.approx(found["loss"], rel=1e-10)


def test_at_a_kink_it_says_so(base: str) -> None:
    layers = [{"width": 4, "activation": "relu"}, {"width": 2}]
    zeros = [np.zeros_like(weight).tolist() for weight in WEIGHTS]
    answer = diagnosed(base, asked(network={"layers": layers}, weights=zeros))
    assert answer["class"] == "degenerate"
    assert "36 pre-activations are at a kink" in answer["because"]
    assert answer["least_hessian_eigenvalue"] is None


@pytest.mark.parametrize(
    ("layer", "data", "says"),
    [
        ({"noise": {"kind": "dropout", "rate": 0.5}}, None, "the network has noise"),
        ({}, {"kind": "moments", "xx": np.eye(3).tolist(), "xy": np.ones((3, 2)).tolist(), "yy": 9.0}, "no samples"),
    ],
)
def test_what_samples_and_noise_do_not_allow_is_refused_with_an_operation_that_answers(
    base: str, layer: dict[str, Any], data: Any, says: str
) -> None:
    layers = [{"width": 4, "activation": "relu", **layer}, {"width": 2}]
    body = asked(network={"layers": layers}, data=data or asked()["data"])
    reply = call(base, "POST", "/v1/diagnose", body)
    assert (reply.status, reply.json["type"]) == (422, "/problems/not-covered")
    assert says in reply.json["detail"]
    operation = reply.json["nearest"]["operation"]
    del body["weights"]
    assert call(base, "POST", operation, body).status == 200


@pytest.mark.parametrize("convention", FACTORS)
def test_a_gradient_tolerance_is_in_the_callers_convention(base: str, convention: str) -> None:
    objective = {"convention": convention}
    strict = diagnosed(base, asked(objective=objective))
    assert strict["class"] == "not_stationary"
    assert strict["evidence"] == "proved"
    assert strict["tolerance_source"] == "rounding"
    assert strict["gradient_tolerance"] < 1e-10 * strict["gradient_norm"]
    norm = strict["gradient_norm"]
    allowed = diagnosed(base, asked(objective=objective, gradient_tolerance=1.001 * norm))
    assert allowed["class"] != "not_stationary"
    assert allowed["tolerance_source"] == "request"
    assert allowed["gradient_tolerance"] == pytest.approx(1.001 * norm, rel=1e-12)
    assert "request" in allowed["because"]
    below = diagnosed(base, asked(objective=objective, gradient_tolerance=0.999 * norm))
    assert below["class"] == "not_stationary"


def test_small_weights_of_a_ridge_are_no_minimum(base: str) -> None:
    """Weights far smaller than the targets are not near a stationary point for being small."""
    data = {"kind": "moments", "xx": [[1.0]], "xy": [[0.9]], "yy": 1e4}
    for weight in (5e-8, 3e-4):
        body = {"network": {"layers": [{"width": 1, "weight_decay": 0.1}]}, "data": data, "weights": [[[weight]]]}
        answer = diagnosed(base, body)
        assert (answer["class"], answer["evidence"]) == ("not_stationary", "proved")
        assert answer["precision"] == "double"


def test_single_precision_is_named(base: str) -> None:
    problem = {name: value for name, value in asked().items() if name != "weights"}
    minimum = call(base, "POST", "/v1/minima", {"problem": problem, "return": {"weights": "full"}}).json
    stored = [np.float32(weight).astype(float).tolist() for weight in minimum["global_minimum"]["weights"]]
    answer = diagnosed(base, {"problem": problem, "weights": stored})
    assert answer["precision"] == "single"
    assert answer["class"] == "global_minimum"
    assert answer["tolerance_source"] == "precision"
    assert answer["because"].startswith("stationary to single precision")
    assert answer["inertia"]["negative"] == 0
    assert answer["gap"] >= 0.0
