"""Factors of layers as a file: arrays by the names that adapters of low rank have."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson
import safetensors.numpy

from service.core.ground.numbers.arrays import FloatArray

WRITTEN: Final = (".safetensors", ".npz")


def written_factors(suffix: str, layers: Sequence[Mapping[str, Any]]) -> bytes:
    """The factors of the layers that have some, in the format of a suffix among `WRITTEN`.

    Notes
    -----
    ``NAME.lora_A.weight`` (rank x inputs) and ``NAME.lora_B.weight`` (outputs x rank), whose product B A takes the
    place of the matrix, or is added to the one that was corrected.  In double precision.
    """
    arrays = _arrays(layers)
    if suffix == ".safetensors":
        return bytes(safetensors.numpy.save(arrays))
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]  # names are arrays, not allow_pickle
    return stream.getvalue()


def as_safetensors(answer: Mapping[str, Any]) -> bytes:
    """The factors in the answer of a compression; the rest of it as JSON in the entry ``answer`` of the metadata."""
    rest = [{name: value for name, value in layer.items() if name != "factors"} for layer in answer["layers"]]
    said = orjson.dumps({**answer, "layers": rest}).decode()
    return bytes(safetensors.numpy.save(_arrays(answer["layers"]), {"answer": said}))


def _arrays(layers: Sequence[Mapping[str, Any]]) -> dict[str, FloatArray]:
    arrays: dict[str, FloatArray] = {}
    for layer in layers:
        factors = layer.get("factors")
        if factors is not None:
            arrays[f"{layer['name']}.lora_A.weight"] = np.array(factors["right"], dtype=np.float64)
            arrays[f"{layer['name']}.lora_B.weight"] = np.array(factors["left"], dtype=np.float64)
    return arrays
