"""Matrices of model files one by one: chained or not, with what they read beside them."""

from typing import Any

import numpy as np
import pytest

from service.operations.model_files.hints import Hints
from service.operations.model_files.layers import read_layers, with_layers
from service.operations.model_files.written import written_factors
from tests.support.model_zoo import SAME, WEIGHTS, npz, safetensors_of

MAX_BYTES = 2**20
ACTIVATIONS: dict[str, Any] = {"a": np.ones((5, 3), np.float32), "b.xx": np.eye(3)}


def names_and_matrices(document: dict[str, Any]) -> dict[str, Any]:
    return {layer["name"]: layer["weights"].tolist() for layer in document["layers"]}


@pytest.mark.parametrize("name", SAME)
def test_chained_matrices_are_those_of_the_whole_model(name: str) -> None:
    found = read_layers(SAME[name], Hints(), MAX_BYTES).layers
    for layer, weights in zip(found, WEIGHTS, strict=True):
        assert layer.matrix == pytest.approx(weights, rel=1e-6)


def test_matrices_that_do_not_chain_are_read_alone() -> None:
    arrays = {
        "block.q_proj.weight": np.arange(12.0).reshape(3, 4),
        "block.v_proj.weight": np.arange(8.0).reshape(2, 4),
        "block.norm.weight": np.ones(4),
    }
    found = read_layers(safetensors_of(arrays), Hints(), MAX_BYTES)
    assert [layer.name for layer in found.layers] == ["block.q_proj", "block.v_proj"]
    assert found.layers[0].matrix.tolist() == arrays["block.q_proj.weight"].tolist()
    assert "block.norm.weight" in found.ignored[0]
    turned = read_layers(safetensors_of(arrays), Hints(layout="inputs_first"), MAX_BYTES)
    assert turned.layers[1].matrix.shape == (4, 2)
    kernels = read_layers(npz(**{"a/kernel": np.ones((2, 3)), "b/kernel": np.ones((2, 3))}), Hints(), MAX_BYTES)
    assert [layer.matrix.shape for layer in kernels.layers] == [(3, 2), (3, 2)]


def test_a_request_names_the_layers_that_it_means() -> None:
    model = safetensors_of({"a.weight": np.ones((2, 3)), "b.weight": np.eye(3)})
    whole = with_layers({"budget": 0.5}, model, {}, Hints(), MAX_BYTES)
    assert set(names_and_matrices(whole)) == {"a", "b"}
    asked = {"layers": [{"name": "b", "least_rank": 2}]}
    found = with_layers(asked, model, {}, Hints(), MAX_BYTES)
    assert found["layers"][0]["least_rank"] == 2
    assert names_and_matrices(found) == {"b": np.eye(3).tolist()}


def test_activations_and_rounded_matrices_are_found_by_name() -> None:
    model = safetensors_of({"a.weight": np.ones((2, 3)), "b.weight": np.eye(3)})
    files = {
        "activations": npz(**ACTIVATIONS),
        "correction_of": safetensors_of({"a.weight": np.zeros((2, 3)), "b.weight": np.zeros((3, 3))}),
    }
    found = {each["name"]: each for each in with_layers({}, model, files, Hints(), MAX_BYTES)["layers"]}
    assert found["a"]["activations"]["kind"] == "samples"
    assert found["b"]["activations"]["kind"] == "moments"
    (alone,) = with_layers({}, model, files, Hints(), MAX_BYTES, "b*")["layers"]
    assert (alone["name"], alone["activations"]["kind"]) == ("b", "moments")
    assert found["a"]["correction_of"].tolist() == np.zeros((2, 3)).tolist()


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_factors_that_are_written_are_read_again(suffix: str) -> None:
    rng = np.random.default_rng(0)
    factors = {"left": rng.normal(size=(4, 2)), "right": rng.normal(size=(2, 3))}
    layers: list[dict[str, Any]] = [{"name": "a", "factors": factors}, {"name": "kept", "factors": None}]
    found = {layer.name: layer.matrix for layer in read_layers(written_factors(suffix, layers), Hints(), 2**20).layers}
    assert found["a.lora_A"].tolist() == factors["right"].tolist()
    assert found["a.lora_B"].tolist() == factors["left"].tolist()
