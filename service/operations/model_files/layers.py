"""The layers of a model file one by one, beside what each of them reads: no order among them is needed."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.errors import InputError, Location
from service.operations.model_files.chains import chained
from service.operations.model_files.formats import read_model
from service.operations.model_files.found import FoundLayer, FoundModel
from service.operations.model_files.hints import Hints
from service.operations.model_files.named import INPUTS_FIRST, split_name, taken_apart
from service.operations.model_files.named_files import safetensors_arrays
from service.operations.model_files.requests import report
from service.operations.model_files.unopened import refuse_unopened
from service.operations.uploads.in_memory import MOST_ARRAYS, read_npz

ACTIVATIONS: Final = "activations"
ROUNDED: Final = "correction_of"
"""Parts of a form that are files beside that of the model."""
MOMENTS: Final = ".xx"
MOST_NAMED: Final = 6
Arrays = Mapping[str, npt.NDArray[Any]]


def with_layers(
    document: Mapping[str, Any],
    content: bytes,
    files: Mapping[str, bytes],
    hints: Hints,
    max_bytes: int,
    only: str = "*",
) -> dict[str, Any]:
    """The request with the matrices of a model file as its layers.

    Parameters
    ----------
    document : mapping
        Where it has ``layers``, they name those of the file that are meant, and may say more about each.
    content : bytes
        The file of the model.
    files : mapping
        Bytes of the parts `ACTIVATIONS` (samples as ``NAME``, moments as ``NAME.xx``) and `ROUNDED` (the same model,
        quantised or pruned).
    hints : Hints
    max_bytes : int
        Bytes of an archive once it is unpacked.
    only : str
        Pattern of the names of layers that are meant, where the request names none.

    Raises
    ------
    InputError, MalformedBody, BodyTooLarge, UnsupportedMediaType
    """
    model = read_layers(content, hints, max_bytes)
    by_name = {layer.name: layer for layer in model.layers}
    layers = _named(document.get("layers", [{"name": name} for name in by_name if fnmatchcase(name, only)]), by_name)
    if ROUNDED in files:
        rounded = {layer.name: layer for layer in read_layers(files[ROUNDED], hints, max_bytes).layers}
        for index, layer in enumerate(layers):
            if layer["name"] not in rounded:
                raise InputError.at((ROUNDED,), f"must have the layer {layer['name'][:80]} of the model, too")
            layers[index] = {**layer, ROUNDED: rounded[layer["name"]].matrix}
    if ACTIVATIONS in files:
        _place_activations(layers, by_name, read_npz(files[ACTIVATIONS], max_bytes, MOST_ARRAYS))
    return {**document, "layers": layers, "model": report(model, hints).model_dump(mode="json")}


def read_layers(content: bytes, hints: Hints, max_bytes: int) -> FoundModel:
    """Every matrix of a file.

    Notes
    -----
    Where the matrices chain, names and sides are those of the model as a whole.  Where they do not, as with branches,
    rows are outputs unless the names or the hints say otherwise, and arrays that are no matrices are left out.

    Raises
    ------
    InputError, MalformedBody, BodyTooLarge, UnsupportedMediaType
    """
    refuse_unopened(content)
    if content.startswith(b"PK"):
        form, arrays, ordered = "npz", read_npz(content, max_bytes, MOST_ARRAYS), True
    elif content[8:9] == b"{":
        form, arrays, ordered = "safetensors", safetensors_arrays(content), False
    else:
        return read_model(content, hints, max_bytes)
    try:
        parts = taken_apart(arrays)
        return FoundModel(form, chained(parts, hints, ordered=ordered), tuple(parts.ignored))
    except InputError:
        return _each_alone(form, arrays, hints)


def _each_alone(form: str, arrays: Arrays, hints: Hints) -> FoundModel:
    layers, left_out = [], []
    for name, array in arrays.items():
        layer, word = split_name(name)
        if array.ndim != 2 or array.dtype.kind not in "fiu" or not array.size:
            left_out.append(name)
            continue
        matrix = np.ascontiguousarray(array, dtype=np.float64)
        turned = hints.layout == "inputs_first" if hints.layout != "auto" else word in INPUTS_FIRST
        layers.append(FoundLayer(layer if word == "weight" else name, matrix.T if turned else matrix))
    if not layers:
        raise InputError.at(("model",), "holds no matrix")
    if len({layer.name for layer in layers}) < len(layers):
        raise InputError.at(("model",), "has two matrices of one name")
    said = [f"{', '.join(name[:80] for name in left_out[:MOST_NAMED])}: no matrices"] if left_out else []
    if len(left_out) > MOST_NAMED:
        said = [f"{said[0]}, as are {len(left_out) - MOST_NAMED} more arrays"]
    return FoundModel(form, tuple(layers), tuple(said))


def _named(sent: object, known: Mapping[str, FoundLayer]) -> list[dict[str, Any]]:
    """The layers that are meant, each with its weights."""
    if not isinstance(sent, list) or not all(isinstance(layer, dict) for layer in sent):
        raise InputError.at(("layers",), "must be an array of objects, or left out beside a model file")
    found = []
    for index, layer in enumerate(sent):
        name = layer.get("name")
        if not isinstance(name, str) or name not in known:
            raise InputError.at(("layers", index, "name"), f"must be a layer of the model file: {_listed(known)}")
        if "weights" in layer:
            raise InputError.at(("layers", index, "weights"), "must be left out beside a model file, which holds them")
        found.append({**layer, "weights": known[name].matrix})
    return found


def _place_activations(layers: list[dict[str, Any]], known: Mapping[str, FoundLayer], arrays: Arrays) -> None:
    """Put activations beside the layers that are meant; those of other layers of the file are left aside."""
    places = {layer["name"]: index for index, layer in enumerate(layers)}
    at: Location = (ACTIVATIONS,)
    for name, array in arrays.items():
        of_moments = name not in known and name.endswith(MOMENTS)
        layer = name.removesuffix(MOMENTS) if of_moments else name
        if layer not in known:
            raise InputError.at(
                at, f"holds {name[:80]}, which is no layer of the model, nor one with .xx: {_listed(known)}"
            )
        if layer not in places:
            continue
        if array.ndim != 2 or array.dtype.kind not in "fiu":
            raise InputError.at(at, f"holds {name[:80]}, which is no matrix of numbers")
        if "activations" in layers[places[layer]]:
            raise InputError.at(at, f"holds {name[:80]}, whose activations are given twice")
        numbers = np.ascontiguousarray(array, dtype=np.float64)
        said = {"kind": "moments", "xx": numbers} if of_moments else {"kind": "samples", "x": numbers}
        layers[places[layer]] = {**layers[places[layer]], "activations": said}


def _listed(names: Mapping[str, object]) -> str:
    listed = ", ".join(name[:60] for name in list(names)[:MOST_NAMED])
    return f"{listed} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else listed
