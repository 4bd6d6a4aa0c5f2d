"""Models that are not plain networks, as the core sees them."""

from typing import Any

import pytest

from service.operations.mapping.problem import to_core
from service.schemas.parsing import validated
from service.schemas.problem import ProblemDocument
from service.settings import Limits


def autoencoder(bias: str) -> dict[str, Any]:
    data = {"kind": "moments", "xx": [[1.0]], "xy": [[0.5, 0.2]], "yy": 1.0, "x_mean": [0.1], "y_mean": [0.2, 0.3]}
    return {"network": {"model": "linear_vae", "latent": 1, "layers": [{"width": 2}], "bias": bias}, "data": data}


@pytest.mark.parametrize(("bias", "decays"), [("all", (0.0, 0.0)), ("none", ())])
def test_biases_of_an_autoencoder_are_not_decayed(bias: str, decays: tuple[float, ...]) -> None:
    mapped = to_core(validated(ProblemDocument, autoencoder(bias)), Limits(), other_models=True)
    assert mapped.vae is not None
    assert tuple(mapped.core.network.bias_weight_decays) == decays
