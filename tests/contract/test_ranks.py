"""Rank predictions over HTTP: recorded weights as archives, advice, and what cannot be asked."""

import copy
import io
import json
from typing import Any

import numpy as np
import pytest

from service.schemas.ranks import EXAMPLES
from tests.serving import call

PROBLEM: dict[str, Any] = next(iter(EXAMPLES.values()))
NPZ = {"content-type": "application/x-npz"}
SHAPES = ((4, 2), (3, 4), (1, 3))
RELU = {"layers": [{"width": 4, "activation": "relu"}, {"width": 3}, {"width": 1}]}


def moments(count: int) -> list[list[np.ndarray[Any, np.dtype[np.float64]]]]:
    rng = np.random.default_rng(5)
    start = [rng.normal(size=shape) for shape in SHAPES]
    return [[(1.0 + step) * weight for weight in start] for step in range(count)]


def archive(request: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, request=np.array(json.dumps(request)), **arrays)
    return buffer.getvalue()


def test_recorded_weights_travel_as_an_archive(base: str) -> None:
    recorded = moments(3)
    asked = {**PROBLEM, "include": ["compression"]}
    arrays = {
        f"snapshots.{moment}.weights.{layer}": weight
        for moment, weights in enumerate(recorded)
        for layer, weight in enumerate(weights)
    }
    sent = call(base, "POST", "/v1/ranks", archive({**asked, "snapshots": [{}] * 3}, arrays), NPZ)
    assert sent.status == 200, sent.content
    listed = {**asked, "snapshots": [{"weights": [weight.tolist() for weight in weights]} for weights in recorded]}
    assert sent.json == call(base, "POST", "/v1/ranks", listed).json
    first = sent.json["layers"][0]["progress"]
    assert first["norms"] == pytest.approx([step * first["norms"][0] for step in (1.0, 2.0, 3.0)])
    # weights that grow evenly are no gradient flow, and the drift says so
    assert sent.json["invariants"][0]["drifts"][0] == 0.0
    assert sent.json["invariants"][0]["drifts"][-1] > 0.1


def test_advice_names_shapes_savings_and_the_exact_change_of_the_loss(base: str) -> None:
    weights = moments(1)[0]
    asked = {**PROBLEM, "include": ["compression"], "snapshots": [{"weights": [each.tolist() for each in weights]}]}
    advice = call(base, "POST", "/v1/ranks", asked).json["compression"]
    x, y = np.array(PROBLEM["data"]["x"]), np.array(PROBLEM["data"]["y"])

    def loss(chosen: list[Any]) -> float:
        return float(np.mean(np.exp(-y * (x @ np.linalg.multi_dot(chosen[::-1]).T)[:, 0])))

    cut = []
    for row, weight in zip(advice["layers"], weights, strict=True):
        left, values, right = np.linalg.svd(weight, full_matrices=False)
        rank = row["rank"]
        assert (row["left"], row["right"]) == ([weight.shape[0], rank], [rank, weight.shape[1]])
        assert row["parameters_before"] == weight.size
        assert row["parameters_after"] == min(weight.size, rank * sum(weight.shape))
        cut.append((left[:, :rank] * values[:rank]) @ right[:rank])
    assert advice["loss_before"] == pytest.approx(loss(weights))
    assert advice["loss_after"] == pytest.approx(loss(cut))


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    body = copy.deepcopy(PROBLEM)
    place: Any = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return body


@pytest.mark.parametrize(
    ("body", "pointer", "says"),
    [
        (changed("data", "y", to=[1, 1, 1, 1]), "/data/y", "at least two classes"),
        (
            changed("network", "skips", to=[{"from": 2, "to": 1, "kind": "trainable"}]),
            "/network/skips/0/from",
            "must be less than `to`",
        ),
        (
            changed("network", "skips", to=[{"from": 1, "to": 2, "kind": "diagonal"}]),
            "/network/skips/0",
            "must join equal widths",
        ),
        (
            changed("network", "skips", to=[{"from": 1, "to": 3, "kind": "concatenate"}]),
            "/network/skips/0/to",
            "must be a hidden layer",
        ),
        (
            changed("snapshots", to=[{"weights": [[[1.0, 2.0]] * 4, [[1.0] * 3] * 3, [[1.0] * 3]]}]),
            "/snapshots/0/weights/1",
            "must be 3 x 4 to chain with the network",
        ),
        (changed("snapshots", to=[{"weights": [[[1.0, 2.0]] * 4]}]), "/snapshots/0/weights", "must have 3 entries"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_field(base: str, body: dict[str, Any], pointer: str, says: str) -> None:
    reply = call(base, "POST", "/v1/ranks", body)
    assert (reply.status, reply.json["type"]) == (422, "/problems/invalid-input")
    assert reply.json["errors"][0]["pointer"] == pointer
    assert says in reply.json["errors"][0]["detail"]


CONVOLVED: dict[str, list[dict[str, Any]]] = {
    "layers": [
        {"width": 12, "kind": "conv", "kernel": [3], "channels": 2, "stride": 1, "activation": "relu"},
        {"width": 15, "kind": "conv", "kernel": [2], "channels": 3, "activation": "relu"},
        {"width": 1},
    ]
}
IMAGES = {"network": CONVOLVED, "data": {"kind": "none", "inputs": 8}, "objective": {"loss": "logistic"}}


def test_convolutions_are_known_by_ranks_invariances_and_landscapes(base: str) -> None:
    answer = call(base, "POST", "/v1/ranks", IMAGES).json
    assert [layer["shape"] for layer in answer["layers"]] == [[2, 3], [3, 4], [1, 15]]
    assert [row["conserved"] for row in answer["invariants"]] == ["diagonal", "diagonal"]
    assert answer["silent"]["K-D5"] == "dense layers: layer 1 is a convolution"
    reply = call(base, "POST", "/v1/minima", IMAGES)
    assert (reply.status, reply.json["type"]) == (422, "/problems/not-covered")
    assert "layer 1 is a convolution" in json.dumps(reply.json)
    landscape = call(base, "POST", "/v1/landscape", IMAGES).json
    assert landscape["verdicts"]["no_bad_basins"]["because"] == ["R53"]
    assert landscape["verdicts"]["spurious_minima_exist"]["value"] is None
    lacking = {rule["id"]: rule["hypotheses"] for rule in landscape["rules"]}
    assert [one["name"] for one in lacking["R39"]] == ["dense layers"]
    flow = call(base, "POST", "/v1/gradient-flows", {"problem": IMAGES})
    assert (flow.status, flow.json["type"]) == (422, "/problems/not-covered")


@pytest.mark.parametrize(
    ("changes", "pointer", "says"),
    [
        ({"width": 13}, "/network/layers/0/width", "must be a multiple of the channels"),
        ({"kernel": None}, "/network/layers/0/kernel", "is required by a layer of kind conv"),
        ({"kernel": [3, 3]}, "/network/layers/0/kernel", "must have at most 8 entries"),
        ({"in_channels": 3}, "/network/layers/0/in_channels", "must divide 8"),
        ({"kind": "dense"}, "/network/layers/0/kernel", "belongs to layers of kind conv only"),
    ],
)
def test_kernels_that_do_not_fit_are_refused(base: str, changes: dict[str, Any], pointer: str, says: str) -> None:
    network = {"layers": [{**CONVOLVED["layers"][0], **changes}, *CONVOLVED["layers"][1:]]}
    reply = call(base, "POST", "/v1/ranks", {**IMAGES, "network": network})
    assert reply.status == 422
    assert reply.json["errors"][0]["pointer"] == pointer
    assert says in reply.json["errors"][0]["detail"]


def test_rules_are_silent_where_classes_cannot_be_separated(base: str) -> None:
    mixed = changed("data", "x", to=[[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    answer = call(base, "POST", "/v1/ranks", mixed).json
    assert answer["separability"]["separable"] is False
    assert "separates" in answer["silent"]["K-R1"]
    assert answer["max_margin"]["direction"] is None
    assert all(layer["rank"] is None and layer["reasons"]["rank"] for layer in answer["layers"][:-1])


@pytest.mark.parametrize(
    ("network", "first", "says"),
    [(PROBLEM["network"], np.zeros((4, 2)), "undefined"), (RELU, np.array([[-9.0, 0.0]] * 4), "inactive")],
)
def test_starts_without_gradient_are_undefined_and_say_so(base: str, network: Any, first: Any, says: str) -> None:
    data = {**PROBLEM["data"], "x": [[2.0, 1.0], [1.0, 2.0], [3.0, 0.5], [0.5, 0.5]]}
    rest = [np.zeros(shape) if network is not RELU else np.ones(shape) for shape in SHAPES[1:]]
    start = {"weights": [weight.tolist() for weight in (first, *rest)]}
    problem = {"network": network, "data": data, "objective": {"loss": "logistic"}}
    answer = call(base, "POST", "/v1/ranks", {**problem, "snapshots": [start]}).json
    assert says in answer["reasons"]["snapshots"]
    flow = call(
        base,
        "POST",
        "/v1/gradient-flows",
        {"problem": problem, "initialisation": {"kind": "weights", "snapshot": start}},
    ).json
    assert flow["stop"] == "undefined"
