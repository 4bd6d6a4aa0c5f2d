"""The file of a model beside a request: what the request says comes first, and must be of the same network."""

from typing import Any

import numpy as np
import pytest

from service.errors import InputError
from service.operations.model_files.formats import read_model
from service.operations.model_files.found import FoundLayer, FoundModel
from service.operations.model_files.hints import Hints
from service.operations.model_files.requests import with_model
from service.vocabulary import Activation
from tests.support.model_zoo import BIASES, SAME, WEIGHTS, gemms

DATA = {"kind": "none", "inputs": 3}
MODEL = read_model(SAME["safetensors"], Hints(), 10**6)


def test_a_model_becomes_network_weights_and_biases() -> None:
    found = with_model({"data": DATA}, MODEL, Hints(), "point")
    assert found["network"] == {
        "bias": "all",
        "layers": [{"width": 4, "activation": "linear"}, {"width": 2, "activation": "linear"}],
    }
    assert found["weights"] == [weight.tolist() for weight in WEIGHTS]
    assert found["biases"] == [bias.tolist() for bias in BIASES]
    assert found["model"]["format"] == "safetensors"
    assert [layer["shape"] for layer in found["model"]["layers"]] == [[4, 3], [2, 4]]


def test_recorded_weights_are_a_snapshot_in_a_wrapped_problem() -> None:
    found = with_model({"problem": {"data": DATA}}, MODEL, Hints(), "snapshot")
    assert found["snapshots"] == [{"weights": [w.tolist() for w in WEIGHTS], "biases": [b.tolist() for b in BIASES]}]
    assert found["problem"]["network"]["bias"] == "all"


def test_what_the_request_says_of_the_network_comes_first() -> None:
    sent = {"layers": [{"weight_decay": 0.1, "activation": "relu"}, {"width": 2}], "bias_weight_decay": 0.2}
    found = with_model({"network": sent, "data": DATA}, MODEL, Hints(), "point")["network"]
    assert found["layers"][0] == {"width": 4, "activation": "relu", "weight_decay": 0.1}
    assert found["bias_weight_decay"] == 0.2


def test_an_activation_that_the_file_lacks_is_that_of_hidden_layers() -> None:
    found = with_model({"data": DATA}, MODEL, Hints(activation=Activation.TANH), "point")
    assert [layer["activation"] for layer in found["network"]["layers"]] == ["tanh", "linear"]
    named = read_model(gemms("Relu"), Hints(), 10**6)
    found = with_model({"data": DATA}, named, Hints(activation=Activation.TANH), "point")
    assert [layer["activation"] for layer in found["network"]["layers"]] == ["relu", "linear"]


@pytest.mark.parametrize(
    ("sent", "at", "said"),
    [
        ({"network": []}, ("network",), "must be an object"),
        ({"network": {"layers": [{}]}}, ("network", "layers"), "must be 2, as in the model file"),
        ({"network": {"layers": [{"width": 7}, {}]}}, ("network", "layers", 0, "width"), "must be 4, the outputs of 0"),
        ({"network": {"bias": "none"}}, ("network", "bias"), "must be all"),
        ({"weights": []}, ("weights",), "must be left out beside a model file"),
        ({"problem": {"network": {"layers": 3}}}, ("problem", "network", "layers"), "must be an array of objects"),
    ],
)
def test_another_network_is_refused_where_it_differs(sent: dict[str, Any], at: tuple[object, ...], said: str) -> None:
    with pytest.raises(InputError) as caught:
        with_model({"data": DATA, **sent}, MODEL, Hints(), "point")
    assert caught.value.fields[0].location == at
    assert said in caught.value.fields[0].detail


@pytest.mark.parametrize(
    ("biased", "bias"),
    [
        ((True, True, True), "all"),
        ((True, False, False), "hidden"),
        ((False, False, True), "output"),
        ((False, False, False), "none"),
        ((False, True, True), "all"),
    ],
)
def test_layers_without_a_bias_beside_such_with_one_have_zeros(biased: tuple[bool, ...], bias: str) -> None:
    layers = tuple(FoundLayer(str(index), np.eye(2), np.ones(2) if has else None) for index, has in enumerate(biased))
    found = with_model({"data": DATA}, FoundModel("npz", layers), Hints(), "point")
    assert found["network"]["bias"] == bias
    trained = [bias in ("all", "hidden")] * 2 + [bias in ("all", "output")]
    expected = [None if not on else [float(has)] * 2 for on, has in zip(trained, biased, strict=True)]
    assert found.get("biases", [None] * 3) == expected
