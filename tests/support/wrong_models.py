"""Files of models that are refused, and requests beside which they are; each with a part of what is told."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from onnx import TensorProto, helper

from service.operations.model_files.sent import SentModel
from tests.support.model_zoo import SAME, loaded, node, npz, onnx_of, safetensors_of

DATA: Final = {"kind": "none", "inputs": 3}


@dataclass(frozen=True, slots=True)
class WrongModel:
    """A file, what is told about it, and the request that it is sent with."""

    content: bytes
    told: str
    request: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, bytes] = field(default_factory=dict)
    operation: str = "diagnose"

    def document(self) -> dict[str, Any]:
        """The request as it was read from a form."""
        return {"data": DATA, **self.request, "model": SentModel(self.content, self.said)}


def zipped(name: str) -> bytes:
    """An archive with one entry."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, b"")
    return stream.getvalue()


def two_inputs() -> bytes:
    """A graph that reads two things."""
    model = loaded(onnx_of([node("MatMul", ("x", "z"), "y")], {}, "y"))
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.DOUBLE, [3, 2]))
    content: bytes = model.SerializeToString()
    return content


def writes_nothing() -> bytes:
    """A graph with a node that has no output, and whose name is no text."""
    model = loaded(onnx_of([node("MatMul", ("x", "w"), "y")], {"w": np.zeros((3, 2))}, "y"))
    del model.graph.node[0].output[:]
    content: bytes = model.SerializeToString()
    return content.replace(b"MatMul_y", b"MatMul\xff\xfe")


def numbers_outside() -> bytes:
    """A graph whose matrix is elsewhere."""
    model = loaded(onnx_of([node("MatMul", ("x", "w"), "y")], {"w": np.zeros((3, 2))}, "y"))
    (tensor,) = model.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    content: bytes = model.SerializeToString()
    return content


GOOD: Final = SAME["safetensors"]
SQUARE: Final = {"d.weight": np.zeros((2, 2)), "c.weight": np.ones((2, 2)), "b.weight": np.zeros((2, 3))}


def _layers(told: str, content: bytes = GOOD, layers: Any = None, **files: bytes) -> WrongModel:
    """A file whose matrices are wanted one by one."""
    request = {} if layers is None else {"layers": layers}
    return WrongModel(content, told, request, files, "compression")


WRONG: Final[Mapping[str, WrongModel]] = {
    "a kernel of four sides": WrongModel(
        safetensors_of({"0.weight": np.zeros((2, 1, 3, 3))}),
        "holds 0.weight (2 x 1 x 3 x 3): only matrices",
    ),
    "a vector alone": WrongModel(safetensors_of({"0.bias": np.zeros(2)}), "beside which there is no matrix"),
    "no matrix": WrongModel(safetensors_of({}), "holds no matrix"),
    "matrices that do not chain": WrongModel(
        safetensors_of({"0.weight": np.zeros((2, 3)), "1.weight": np.zeros((2, 3))}),
        "do not chain: ",
    ),
    "texts": WrongModel(npz(**{"0.weight": np.array([["a"]])}), "where real numbers are expected"),
    "three vectors": WrongModel(npz(np.zeros(2), np.zeros(2)), "where a matrix, or the vector behind one, is expected"),
    "truth values": WrongModel(safetensors_of({"0.weight": np.ones((1, 1), "|b1")}), "type BOOL"),
    "a branch": WrongModel(
        onnx_of(
            [node("MatMul", ("x", "w"), "a"), node("MatMul", ("x", "w"), "b"), node("Add", ("a", "b"), "y")],
            {"w": np.zeros((3, 2))},
            "y",
        ),
        "joins or leaves a branch",
    ),
    "an activation that is not known": WrongModel(
        onnx_of([node("MatMul", ("x", "w"), "a"), node("Elu", ("a",), "y")], {"w": np.zeros((3, 2))}, "y"),
        "Elu",
    ),
    "two activations": WrongModel(
        onnx_of(
            [node("MatMul", ("x", "w"), "a"), node("Relu", ("a",), "b"), node("Tanh", ("b",), "y")],
            {"w": np.zeros((3, 2))},
            "y",
        ),
        "behind another activation",
    ),
    "weights outside": WrongModel(onnx_of([node("MatMul", ("x", "w"), "y")], {}, "y"), "joins or leaves a branch"),
    "from the left": WrongModel(
        onnx_of([node("MatMul", ("w", "x"), "y")], {"w": np.zeros((3, 2))}, "y"),
        "multiplies from the left",
    ),
    "no layer": WrongModel(onnx_of([node("Identity", ("x",), "y")], {}, "y"), "no chain of layers"),
    "a pickle of torch.save": WrongModel(zipped("model/data.pkl"), "save_file(model.state_dict()"),
    "a pickle": WrongModel(b"\x80\x04\x95", "zip(model.coefs_, model.intercepts_)"),
    "a file of Keras": WrongModel(zipped("model.weights.h5"), "model.get_weights()"),
    "a file of another kind": WrongModel(b"MZ", "this file is none of them"),
    "a broken safetensors file": WrongModel(bytes(8) + b"{", "not a readable safetensors file"),
    "a broken ONNX file": WrongModel(b"\x08" + bytes(20), "not a readable ONNX file"),
    "four thousand arrays": WrongModel(
        safetensors_of({f"{index}.weight": np.zeros((1, 1)) for index in range(4001)}), "has more than 4000 arrays"
    ),
    "ten thousand nodes": WrongModel(
        onnx_of([node("Identity", ("x",), f"y{index}") for index in range(10_001)], {}, "y0"),
        "has more than 10000 nodes",
    ),
    "a node that writes nothing": WrongModel(writes_nothing(), "which writes nothing"),
    "a kernel larger than the picture": WrongModel(
        onnx_of([node("Conv", ("x", "k"), "y")], {"k": np.zeros((1, 1, 9, 9))}, "y", ("n", 1, 4, 4)),
        "whose kernel is larger than what it reads",
    ),
    "two pads of four": WrongModel(
        onnx_of([node("Conv", ("x", "k"), "y", pads=[1, 1])], {"k": np.zeros((1, 1, 3, 3))}, "y", ("n", 1, 4, 4)),
        "whose pads are not 4 numbers",
    ),
    "a stride of zero": WrongModel(
        onnx_of([node("Conv", ("x", "k"), "y", strides=[0, 0])], {"k": np.zeros((1, 1, 3, 3))}, "y", ("n", 1, 4, 4)),
        "or are 0",
    ),
    "a factor that is not finite": WrongModel(
        onnx_of([node("Gemm", ("x", "w"), "y", alpha=float("nan"))], {"w": np.zeros((3, 2))}, "y"),
        "whose alpha is not a finite number",
    ),
    "two inputs": WrongModel(two_inputs(), "has 2 inputs and 1 outputs"),
    "numbers in another file": WrongModel(numbers_outside(), "save_as_external_data=False"),
    "a constant without numbers": WrongModel(
        onnx_of([node("Constant", (), "c", value_string=b"a"), node("Identity", ("x",), "y")], {}, "y"),
        "has the constant c without an array",
    ),
    "layers in more than one order": WrongModel(safetensors_of(SQUARE), "add `order`, such as b,"),
    "an order that lacks a layer": WrongModel(
        safetensors_of(SQUARE), "must name each layer of the file once", said={"order": b"b,c"}
    ),
    "matrices that fit either way round": WrongModel(npz(np.eye(2), np.zeros(2)), "add `layout`"),
    "a layout that is not known": WrongModel(GOOD, "must be auto, outputs_first", said={"layout": b"torch"}),
    "an activation that is not known here": WrongModel(GOOD, "must be linear, relu", said={"activation": b"gelu"}),
    "a model for an operation that takes none": WrongModel(GOOD, "is read beside ranks", operation="minima"),
    "weights beside a model": WrongModel(GOOD, "must be left out beside a model file", {"weights": []}),
    "a network that is no object": WrongModel(GOOD, "must be an object", {"network": []}),
    "layers that are no objects": WrongModel(GOOD, "must be an array of objects", {"network": {"layers": 3}}),
    "another number of layers": WrongModel(GOOD, "must be 2, as in the model file", {"network": {"layers": [{}]}}),
    "another width": WrongModel(GOOD, "must be 4, the outputs of 0", {"network": {"layers": [{"width": 7}, {}]}}),
    "no matrix among the layers": _layers("holds no matrix", safetensors_of({"0.bias": np.zeros(2)})),
    "two matrices of one name": _layers(
        "has two matrices of one name", safetensors_of({"a": np.eye(2), "a.weight": np.eye(2), "b.weight": np.eye(3)})
    ),
    "layers beside a model that are no objects": _layers("must be an array of objects", layers=[3]),
    "a layer that the model lacks": _layers("must be a layer of the model file: ", layers=[{"name": "none"}]),
    "weights of a layer of the model": _layers("which holds them", layers=[{"name": "0", "weights": [[1.0]]}]),
    "a quantised model without a layer": _layers(
        "must have the layer 0 of the model, too", correction_of=safetensors_of({"9.weight": np.zeros((2, 2))})
    ),
    "activations of no layer": _layers("which is no layer of the model", activations=npz(other=np.eye(3))),
    "activations that are no matrix": _layers("which is no matrix of numbers", activations=npz(**{"0": np.zeros(3)})),
    "activations that are given twice": _layers(
        "are given twice", activations=npz(**{"0": np.eye(3), "0.xx": np.eye(3)})
    ),
    "activations beside a model as a whole": WrongModel(
        GOOD, "takes the model as a whole", said={"activations": npz(**{"0": np.eye(3)})}
    ),
    "another bias": WrongModel(GOOD, "must be all", {"network": {"bias": "none"}}),
}
"""What is wrong with each, in its name."""
