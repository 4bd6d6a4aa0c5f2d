"""Factors of layers as a file: arrays by the names that adapters of low rank have."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
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
    arrays: dict[str, FloatArray] = {}
    for layer in layers:
        factors = layer.get("factors")
        if factors is not None:
            arrays[f"{layer['name']}.lora_A.weight"] = np.array(factors["right"], dtype=np.float64)
            arrays[f"{layer['name']}.lora_B.weight"] = np.array(factors["left"], dtype=np.float64)
    if suffix == ".safetensors":
        return bytes(safetensors.numpy.save(arrays))
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]  # names are arrays, not allow_pickle
    return stream.getvalue()
