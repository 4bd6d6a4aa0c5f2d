"""One network in every format in which people save models, made anew; nothing is read from a disk."""

import io
import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from service.core.ground.numbers.arrays import FloatArray

Arrays = Mapping[str, npt.NDArray[Any]]
WIDTHS: Final = (3, 4, 2)
RNG: Final = np.random.default_rng(11)
WEIGHTS: Final = tuple(RNG.standard_normal((out, into)) for into, out in pairwise(WIDTHS))
BIASES: Final = tuple(RNG.standard_normal(out) for out in WIDTHS[1:])


def npz(*arrays: npt.NDArray[Any], **named: npt.NDArray[Any]) -> bytes:
    """What ``numpy.savez`` writes."""
    stream = io.BytesIO()
    given: dict[str, Any] = named
    np.savez(stream, *arrays, **given)
    return stream.getvalue()


def state_dict(prefix: str = "", dtype: str = "<f8") -> dict[str, npt.NDArray[Any]]:
    """The names and the orientation of PyTorch's ``Sequential`` with an activation between layers."""
    found: dict[str, npt.NDArray[Any]] = {}
    for index, (weight, bias) in enumerate(zip(WEIGHTS, BIASES, strict=True)):
        found[f"{prefix}{2 * index}.weight"] = weight.astype(dtype)
        found[f"{prefix}{2 * index}.bias"] = bias.astype(dtype)
    return found


def list_of_weights() -> list[FloatArray]:
    """What Keras gives as ``get_weights()``, and scikit-learn in ``coefs_`` and ``intercepts_``: inputs first."""
    return [part for weight, bias in zip(WEIGHTS, BIASES, strict=True) for part in (weight.T.copy(), bias)]


def coefs() -> dict[str, FloatArray]:
    """The same by the names of scikit-learn."""
    found = {f"coefs_{index}": weight.T.copy() for index, weight in enumerate(WEIGHTS)}
    return found | {f"intercepts_{index}": bias for index, bias in enumerate(BIASES)}


def safetensors_of(arrays: Arrays) -> bytes:
    """The bytes of a safetensors file, written by hand: names sorted, as the library does."""
    header, data = [], b""
    kinds = {"<f8": "F64", "<f4": "F32", "<f2": "F16", "<u2": "BF16", "<i8": "I64", "|b1": "BOOL"}
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        begin, data = len(data), data + array.tobytes()
        shape = ",".join(map(str, array.shape))
        kind = kinds[array.dtype.str]
        header.append(f'"{name}":{{"dtype":"{kind}","shape":[{shape}],"data_offsets":[{begin},{len(data)}]}}')
    text = ("{" + ",".join(header) + "}").encode()
    return struct.pack("<Q", len(text)) + text + data


def node(kind: str, reads: Sequence[str], writes: str, **said: Any) -> Any:
    """A node of a graph."""
    return helper.make_node(kind, list(reads), [writes], name=f"{kind}_{writes}", **said)


def onnx_of(nodes: Sequence[Any], arrays: Arrays, output: str, sides: Sequence[int | str] = ("n", WIDTHS[0])) -> bytes:
    """A graph from ``x`` to ``output`` with these arrays in it."""
    graph = helper.make_graph(
        list(nodes),
        "network",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, list(sides))],
        [helper.make_tensor_value_info(output, TensorProto.DOUBLE, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    content: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    return content


def gemms(activation: str = "", transposed: bool = True) -> bytes:
    """The network as PyTorch exports it, or with matrices that multiply from the right."""
    arrays = {f"w{index}": weight if transposed else weight.T.copy() for index, weight in enumerate(WEIGHTS)}
    arrays |= {f"b{index}": bias for index, bias in enumerate(BIASES)}
    nodes, at = [], "x"
    for index in range(len(WEIGHTS)):
        nodes.append(node("Gemm", (at, f"w{index}", f"b{index}"), f"z{index}", transB=int(transposed)))
        at = f"z{index}"
        if activation and index + 1 < len(WEIGHTS):
            nodes.append(node(activation, (at,), f"a{index}"))
            at = f"a{index}"
    return onnx_of(nodes, arrays, at)


def products() -> bytes:
    """The same as products and sums."""
    arrays = {f"w{index}": weight.T.copy() for index, weight in enumerate(WEIGHTS)}
    arrays |= {f"b{index}": bias for index, bias in enumerate(BIASES)}
    nodes, at = [], "x"
    for index in range(len(WEIGHTS)):
        nodes.append(node("MatMul", (at, f"w{index}"), f"p{index}"))
        nodes.append(node("Add", (f"b{index}", f"p{index}"), f"z{index}"))
        at = f"z{index}"
    return onnx_of(nodes, arrays, at)


SAME: Final[Mapping[str, bytes]] = {
    "safetensors": safetensors_of(state_dict()),
    "safetensors with a prefix": safetensors_of(state_dict("module.net.")),
    "state dict as npz": npz(**state_dict()),
    "Keras": npz(*list_of_weights()),
    "scikit-learn": npz(**coefs()),
    "ONNX, Gemm": gemms(),
    "ONNX, Gemm, inputs first": gemms(transposed=False),
    "ONNX, MatMul and Add": products(),
}
"""Files that hold the same linear network."""


def loaded(content: bytes) -> Any:
    """An ONNX model to be changed."""
    return onnx.load_model_from_string(content)
