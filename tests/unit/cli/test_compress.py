"""``minima compress``: a model file with activations, and the file of its factors."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from service.cli.application import application
from service.cli.errors import CommandError
from service.operations.mapping.compression import HALF
from service.schemas.compression import EXAMPLES

RNG = np.random.default_rng(2)
WEIGHTS = {"0.weight": RNG.normal(size=(9, 8)), "2.weight": RNG.normal(size=(7, 9))}
X = RNG.normal(size=(30, 8))


@pytest.fixture(name="model")
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(WEIGHTS, path)
    np.savez(tmp_path / "acts.npz", **{"0": X})  # type: ignore[arg-type]  # names are arrays, not allow_pickle
    return path


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> Any:
    application.main(["compress", *arguments], standalone_mode=False)
    return json.loads(capfd.readouterr().out)


def test_factors_are_written_in_the_place_of_the_matrices(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = model.parent / "factors.safetensors"
    found = run(
        capfd, str(model), "--activations", str(model.parent / "acts.npz"), "--ranks", "2,-", "--output", str(output)
    )
    assert [layer["kept_dense"] for layer in found["layers"]] == [False, True]
    assert "factors" not in found["layers"][0]
    written = safetensors.numpy.load_file(output)
    missed = X @ (WEIGHTS["0.weight"] - written["0.lora_B.weight"] @ written["0.lora_A.weight"]).T
    assert np.sum(missed**2) / len(X) == pytest.approx(found["layers"][0]["error"])
    assert found["model"]["format"] == "safetensors"


def test_half_of_the_numbers_is_the_budget(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, str(model))["total"]["ratio"] <= HALF


def test_only_layers_of_a_pattern_are_meant(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert [layer["name"] for layer in run(capfd, str(model), "--only", "2*")["layers"]] == ["2"]


def test_a_request_is_answered_as_over_http(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(EXAMPLES["two layers within a budget"]), encoding="utf-8")
    assert run(capfd, str(path))["total"]["numbers_after"] <= 20
    assert run(capfd, str(path), "--budget", "24")["total"]["numbers_after"] == 24


@pytest.mark.parametrize(
    "wrong", [("--ranks", "two"), ("--output", "factors.txt"), ("--activations", "missing.npz"), ("--only", "none")]
)
def test_what_cannot_be_meant_is_refused(model: Path, wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        application.main(["compress", str(model), *wrong], standalone_mode=False)
