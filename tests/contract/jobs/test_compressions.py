"""Compressions over HTTP and as jobs: model files with what their layers read, arrays, and numbers of no data."""

import io
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.contract.test_models import BOUNDARY, DATA, DECAYED, X, form
from tests.serving import call
from tests.support.model_zoo import npz, safetensors_of, state_dict

FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
SAFETENSORS = "application/vnd.safetensors"
RANKED = {"network": {"layers": [{"width": 1}]}, "data": {"kind": "none", "inputs": 2}}
JOB = {"Prefer": "respond-async, wait=60"}
RANKS = {"ranks": [2, 1], "return": {"factors": True}}
IMPOSSIBLE: dict[str, Any] = {"kind": "moments", "xx": [[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]}


def layer(**more: Any) -> dict[str, Any]:
    return {"name": "up", "weights": [[1.0, 2.0, 3.0], [0.0, 1.0, 0.0], [1.0, 0.0, 2.0]], **more}


@pytest.mark.parametrize(
    ("path", "request_", "read"),
    [
        ("/v1/compression", RANKS, {"activations": npz(**{"0": X})}),
        ("/v1/diagnose", {"network": DECAYED, "data": DATA}, {}),
    ],
)
def test_a_model_file_as_a_job_has_the_answer_of_one_inline(
    bases: Sequence[str], path: str, request_: Any, read: dict[str, bytes]
) -> None:
    parts = {"problem": json.dumps(request_).encode(), "model": safetensors_of(state_dict()), **read}
    direct = call(bases[1], "POST", path, form(parts), FORM)
    job = call(bases[1], "POST", path, form(parts), {**FORM, **JOB})
    assert job.headers["location"].startswith("/v1/jobs/")
    assert {name: value for name, value in direct.json.items() if name != "execution"} == job.json


def test_factors_come_as_arrays(bases: Sequence[str]) -> None:
    body = {"layers": [layer()], "ranks": [2], "return": {"factors": True}}
    reply = call(bases[1], "POST", "/v1/compression", body, {"accept": "application/x-npz"})
    assert reply.headers["content-type"] == "application/x-npz"
    expected = call(bases[1], "POST", "/v1/compression", body).json["layers"][0]["factors"]
    with np.load(io.BytesIO(reply.content)) as found:
        for side in ("left", "right"):
            assert found[f"layers/0/factors/{side}"].tolist() == expected[side]


def test_factors_come_as_safetensors_inline_and_of_a_job(bases: Sequence[str]) -> None:
    body = {"layers": [layer()], "ranks": [2], "return": {"factors": True}}
    expected = call(bases[1], "POST", "/v1/compression", body).json["layers"][0].pop("factors")
    for more in ({}, JOB):
        reply = call(bases[1], "POST", "/v1/compression", body, {"accept": SAFETENSORS, **more})
        assert reply.status == 200, reply.content
        assert reply.headers["content-type"] == SAFETENSORS
        found = safetensors.numpy.load(reply.content)
        assert found["up.lora_B.weight"].tolist() == expected["left"]
        assert found["up.lora_A.weight"].tolist() == expected["right"]
        (length,) = struct.unpack("<Q", reply.content[:8])
        told = json.loads(json.loads(reply.content[8 : 8 + length])["__metadata__"]["answer"])
        assert told["rank_pattern"] == {"up": 2}
    # who has no such form to give answers with JSON
    other = call(bases[1], "POST", "/v1/ranks", RANKED, {"accept": SAFETENSORS})
    assert other.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (layer(activations=IMPOSSIBLE), "/layers/0/activations/xx"),
        (layer(weights=[[1e200, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), "/layers/0/weights"),
        (layer(weights=[[1e-200, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), "/layers/0/weights"),
        ({"name": "up", "shape": [1, 1], "singular_values": [1e300]}, "/layers/0/singular_values"),
    ],
)
def test_what_only_the_numbers_show_is_refused_at_its_place(
    bases: Sequence[str], wrong: dict[str, Any], pointer: str
) -> None:
    direct = call(bases[1], "POST", "/v1/compression", {"layers": [wrong]})
    assert direct.status == 422, direct.content
    assert direct.json["errors"][0]["pointer"] == pointer
    job = call(bases[1], "POST", "/v1/compression", {"layers": [wrong]}, JOB)
    assert job.json["state"] == "failed"
    assert job.json["error"]["detail"] == direct.json["errors"][0]["detail"]
