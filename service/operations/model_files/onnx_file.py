"""ONNX: a chain of nodes from the input to the output, followed one by one."""

from collections.abc import Mapping
from typing import Any, Final

from service.errors import InputError, MalformedBody, UnsupportedMediaType
from service.operations.model_files.chain_of_nodes import Chain
from service.operations.model_files.found import FoundModel

MISSING: Final = (
    "this server reads ONNX once it has the extra analytic-minima-server[models]; safetensors and npz are read"
)
MOST_NODES: Final = 10_000


def read_onnx(content: bytes) -> FoundModel:
    """The layers of a chain.

    Raises
    ------
    UnsupportedMediaType
        If this installation cannot read ONNX.
    MalformedBody
        If the bytes are none.
    InputError
        Naming the first node that is no layer, or a network that branches.
    """
    try:
        import onnx  # noqa: PLC0415 - an extra
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with it
        from onnx import numpy_helper  # noqa: PLC0415 - as above
    except ImportError:
        raise UnsupportedMediaType(MISSING) from None
    try:
        graph = onnx.load_model_from_string(content).graph
        tensors = {tensor.name: _inside(tensor, numpy_helper.to_array) for tensor in graph.initializer}
    except (DecodeError, ValueError, TypeError, KeyError) as error:
        raise MalformedBody("the model is not a readable ONNX file") from error
    if len(graph.node) > MOST_NODES:
        raise InputError.at(("model",), f"has more than {MOST_NODES} nodes")
    inputs = [each for each in graph.input if each.name not in tensors]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise InputError.at(
            ("model",), f"has {len(inputs)} inputs and {len(graph.output)} outputs, where one of each fits"
        )
    chain = Chain(inputs[0].name, _sides(inputs[0]), tensors)
    for node in graph.node:
        if node.op_type == "Constant":
            tensors[node.output[0]] = _constant(node, numpy_helper.to_array)
        else:
            chain.follow(node.op_type, node.name or node.output[0], list(node.input), node.output[0], _attributes(node))
    return chain.ended(graph.output[0].name)


def _inside(tensor: Any, to_array: Any) -> Any:
    if tensor.external_data or tensor.data_location:
        raise InputError.at(
            ("model",), "keeps its numbers in another file: save it with them inside (save_as_external_data=False)"
        )
    return to_array(tensor)


def _constant(node: Any, to_array: Any) -> Any:
    for attribute in node.attribute:
        if attribute.name == "value":
            return _inside(attribute.t, to_array)
    raise InputError.at(("model",), f"has the constant {node.output[0][:80]} without an array")


def _attributes(node: Any) -> Mapping[str, Any]:
    """Numbers and lists of them, by name; whatever else a node says is not needed."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type == attribute.FLOAT:
            found[attribute.name] = attribute.f
        elif attribute.type == attribute.INT:
            found[attribute.name] = attribute.i
        elif attribute.type == attribute.INTS:
            found[attribute.name] = list(attribute.ints)
        elif attribute.type == attribute.STRING:
            found[attribute.name] = attribute.s.decode(errors="replace")
    return found


def _sides(value: Any) -> list[int]:
    """Sides of one sample, 0 where the file leaves them open."""
    return [side.dim_value for side in value.type.tensor_type.shape.dim][1:]
