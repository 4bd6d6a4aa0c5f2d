"""Files of models over HTTP and on the command line: the same answer as from the arrays themselves."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving import Reply, call
from tests.support.model_zoo import BIASES, SAME, WEIGHTS, gemms, npz, safetensors_of, state_dict

RNG = np.random.default_rng(3)
X = RNG.standard_normal((20, 3))
DATA = {"kind": "samples", "x": X.tolist(), "y": RNG.standard_normal((20, 2)).tolist()}
DECAYED = {"layers": [{"weight_decay": 0.1}, {"weight_decay": 0.2}]}
POINT = {"weights": [weight.tolist() for weight in WEIGHTS], "biases": [bias.tolist() for bias in BIASES]}
NETWORK = {"layers": [{"width": 4, "weight_decay": 0.1}, {"width": 2, "weight_decay": 0.2}], "bias": "all"}
BOUNDARY = "a1b2c3"


def form(parts: Mapping[str, bytes]) -> bytes:
    """A body of ``multipart/form-data``."""
    told = b""
    for name, content in parts.items():
        file = "; filename=f" if name in ("model", "activations") else ""
        head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'
        told += head.encode() + content + b"\r\n"
    return told + f"--{BOUNDARY}--\r\n".encode()


def posted(base: str, path: str, request: Any, model: bytes, **said: str) -> Reply:
    parts = {"problem": json.dumps(request).encode(), "model": model, **{n: v.encode() for n, v in said.items()}}
    return call(base, "POST", path, form(parts), {"content-type": f"multipart/form-data; boundary={BOUNDARY}"})


@pytest.fixture(scope="module")
def by_hand(base: str) -> Any:
    return call(base, "POST", "/v1/diagnose", {"network": NETWORK, "data": DATA, **POINT}).json


@pytest.mark.parametrize("name", SAME)
def test_a_model_is_diagnosed_as_its_arrays_are(name: str, base: str, by_hand: Any) -> None:
    reply = posted(base, "/v1/diagnose", {"network": DECAYED, "data": DATA}, SAME[name])
    assert reply.status == 200, reply.content
    found = reply.json
    assert [layer["shape"] for layer in found.pop("model")["layers"]] == [[4, 3], [2, 4]]
    assert found == by_hand


def test_recorded_weights_of_a_model_are_compared_with_predictions(base: str) -> None:
    asked = {"network": DECAYED, "data": DATA}
    found = posted(base, "/v1/ranks", asked, SAME["ONNX, Gemm"]).json
    by_hand = call(base, "POST", "/v1/ranks", {"network": NETWORK, "data": DATA, "snapshots": [POINT]}).json
    assert found.pop("model")["format"] == "onnx"
    assert found == by_hand


@pytest.mark.parametrize("path", ["/v1/slices", "/v1/spectra"])
def test_a_model_is_the_centre_of_a_picture(path: str, base: str) -> None:
    request = {"problem": {"data": DATA}, "points": 5}
    reply = posted(base, path, request, safetensors_of(state_dict()), activation="tanh")
    assert reply.status == 200, reply.content
    found = reply.json
    tanh = {"layers": [{"width": 4, "activation": "tanh"}, {"width": 2}], "bias": "all"}
    by_hand = call(base, "POST", path, {"problem": {"network": tanh, "data": DATA}, "points": 5, **POINT}).json
    assert found.pop("model")["layers"][0]["activation"] == "tanh"
    assert found == by_hand


def test_what_a_model_lacks_is_said_by_field(base: str) -> None:
    twice = posted(base, "/v1/diagnose", {"data": DATA, "weights": []}, SAME["Keras"])
    assert twice.json["errors"] == [
        {"pointer": "/weights", "detail": "must be left out beside a model file, which holds them"}
    ]
    nowhere = posted(base, "/v1/minima", {"data": DATA}, SAME["Keras"])
    assert (nowhere.status, nowhere.json["errors"][0]["pointer"]) == (422, "/model")
    pickled = posted(base, "/v1/diagnose", {"data": DATA}, b"\x80\x04\x95")
    assert pickled.status == 415
    assert "numpy.savez" in pickled.json["detail"]


def test_the_command_line_makes_a_request_of_a_model(tmp_path: Path, by_hand: Any) -> None:
    (tmp_path / "model.onnx").write_bytes(gemms())
    (tmp_path / "problem.json").write_text(json.dumps({"network": DECAYED, "data": DATA}), encoding="utf-8")
    minima = Path(sys.executable).parent / "minima"
    made = subprocess.run(
        [minima, "inspect", tmp_path / "model.onnx", "--problem", tmp_path / "problem.json"],
        capture_output=True,
        check=True,
    )
    request = json.loads(made.stdout)
    assert request["model"]["format"] == "onnx"
    answered = subprocess.run([minima, "diagnose", "-"], input=made.stdout, capture_output=True, check=True)
    found = json.loads(answered.stdout)
    assert found.pop("model") == request["model"]
    assert found == by_hand


def test_a_model_is_compressed_with_what_its_layers_read(base: str) -> None:
    request = {"ranks": [2, 1], "return": {"factors": True}}
    model, read = safetensors_of(state_dict()), npz(**{"0": X})
    parts = {"problem": json.dumps(request).encode(), "model": model, "activations": read}
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    reply = call(base, "POST", "/v1/compression", form(parts), headers)
    assert reply.status == 200, reply.content
    first, second = reply.json["layers"]
    missed = X @ (WEIGHTS[0] - np.array(first["factors"]["left"]) @ np.array(first["factors"]["right"])).T
    assert np.sum(missed**2) / len(X) == pytest.approx(first["error"])
    assert second["error"] == pytest.approx(np.linalg.svd(WEIGHTS[1], compute_uv=False)[1] ** 2)
    alone = call(base, "POST", "/v1/compression", form({"model": model}), headers)
    assert alone.status == 200, alone.content
    assert [layer["name"] for layer in alone.json["layers"]] == ["0", "2"]
