"""Arrays by name, as a state dict or a list of weights has them, taken apart into matrices, biases and the rest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError

MATRIX_WORDS: Final = ("weight", "kernel", "coefs", "w")
BIAS_WORDS: Final = ("bias", "intercepts", "b")
INPUTS_FIRST: Final = ("kernel", "coefs")
"""Words of libraries that multiply from the right."""
POSITION: Final = re.compile(r"(?:arr_)?(\d+)")
NUMBERED: Final = re.compile(r"(coefs|intercepts|w|b)_?(\d+)")
NORMALISATION: Final = ("running_mean", "running_var", "num_batches_tracked", "moving_mean", "moving_variance")
NORMALISED: Final = "{} was left out: batch normalisation, which a merged layer would need"
MAX_NAMED: Final = 6
"""Names that a message lists."""


@dataclass(slots=True)
class Parts:
    """What the arrays of a file are.

    Attributes
    ----------
    matrices : dict of str to array
        By the name of the layer, in the order of the file.
    biases : dict of str to array
    inputs_first : bool or None
        What the names say of the rows of the matrices; None: nothing.
    ignored : list of str
    """

    matrices: dict[str, FloatArray] = field(default_factory=dict)
    biases: dict[str, FloatArray] = field(default_factory=dict)
    inputs_first: bool | None = None
    ignored: list[str] = field(default_factory=list)


def taken_apart(arrays: Mapping[str, npt.NDArray[Any]]) -> Parts:
    """Sort arrays by their names, or by their places where those are all there is.

    Of those that are named, (m, k) is a matrix and (m,) a bias; other shapes are refused.

    Raises
    ------
    InputError
        Naming arrays that are neither.
    """
    if arrays and all(POSITION.fullmatch(name) for name in arrays):
        return _by_place(arrays)
    parts, normalised, unknown = Parts(), _normalised(arrays), []
    for name, array in arrays.items():
        layer, word = split_name(name)
        if layer in normalised:
            continue
        if word in MATRIX_WORDS and array.ndim == 2:
            parts.matrices[layer] = _numbers(array, name)
            parts.inputs_first = word in INPUTS_FIRST or bool(parts.inputs_first)
        elif word in BIAS_WORDS and array.ndim == 1:
            parts.biases[layer] = _numbers(array, name)
        else:
            unknown.append(f"{name[:80]} ({' x '.join(map(str, array.shape)) or 'one number'})")
    parts.ignored += [NORMALISED.format(layer) for layer in sorted(normalised)]
    _refuse(unknown, parts)
    return parts


def _refuse(unknown: list[str], parts: Parts) -> None:
    alone = [name for name in parts.biases if name not in parts.matrices]
    unknown = [*unknown, *(f"the vector of {name[:80]}, beside which there is no matrix" for name in alone)]
    if unknown:
        more = f" and {len(unknown) - MAX_NAMED} more" if len(unknown) > MAX_NAMED else ""
        raise InputError.at(
            ("model",),
            f"holds {', '.join(unknown[:MAX_NAMED])}{more}: only matrices (`weight`, `kernel`) with vectors (`bias`) "
            "are read; leave the others out, or send ONNX, which says what they do",
        )
    if not parts.matrices:
        raise InputError.at(("model",), "holds no matrix whose name ends with `weight` or `kernel`")


def _by_place(arrays: Mapping[str, npt.NDArray[Any]]) -> Parts:
    """A list of weights: each matrix, and the vector behind it if there is one."""
    parts = Parts()
    for place, (name, array) in enumerate(sorted(arrays.items(), key=lambda item: _place(item[0]))):
        last = next(reversed(parts.matrices), None)
        if array.ndim == 2:
            parts.matrices[str(place)] = _numbers(array, name)
        elif array.ndim == 1 and last is not None and last not in parts.biases:
            parts.biases[last] = _numbers(array, name)
        else:
            shape = " x ".join(map(str, array.shape)) or "one number"
            raise InputError.at(
                ("model",), f"holds {name} ({shape}), where a matrix, or the vector behind one, is expected"
            )
    return parts


def _place(name: str) -> int:
    found = POSITION.fullmatch(name)
    return int(found[1]) if found else 0


def split_name(name: str) -> tuple[str, str]:
    """The layer that an array belongs to, and the word that says what it is."""
    bare = name.removesuffix(":0")
    numbered = NUMBERED.fullmatch(bare)
    if numbered:
        return numbered[2], numbered[1].lower()
    cut = max(bare.rfind("."), bare.rfind("/"))
    return bare[:cut] if cut >= 0 else "the layer", bare[cut + 1 :].lower()


def _normalised(arrays: Mapping[str, npt.NDArray[Any]]) -> set[str]:
    """Layers that only normalise: they have running means."""
    return {layer for layer, word in map(split_name, arrays) if word in NORMALISATION}


def _numbers(array: npt.NDArray[Any], name: str) -> FloatArray:
    if array.dtype.kind not in "fiu":
        raise InputError.at(("model",), f"holds {name[:80]} of type {array.dtype}, where real numbers are expected")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float64)
