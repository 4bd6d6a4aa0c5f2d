"""ONNX: a chain of nodes from the input to the output, followed one by one."""

from collections.abc import Mapping
from typing import Any, Final

from service.errors import InputError, MalformedBody, UnsupportedMediaType
from service.operations.model_files.chain_of_nodes import Chain
from service.operations.model_files.found import FoundModel

MISSING: Final = (
    "this server reads ONNX once it has the extra analytic-minima-server[models]; safetensors and npz are read"
)
UNREADABLE: Final = "the model is not a readable ONNX file"
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
        Naming the first node that is not a layer, or a network that branches.
    """
    try:
        import onnx  # noqa: PLC0415 - an extra
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with it
        from onnx import numpy_helper  # noqa: PLC0415 - as above
    except ImportError:
        raise UnsupportedMediaType(MISSING) from None
    try:
        graph = onnx.load_model_from_string(content).graph
        tensors = {_text(tensor.name): _inside(tensor, numpy_helper.to_array) for tensor in graph.initializer}
    except DecodeError as error:
        raise MalformedBody(UNREADABLE) from error
    if len(graph.node) > MOST_NODES:
        raise InputError.at(("model",), f"has more than {MOST_NODES} nodes")
    inputs = [each for each in graph.input if _text(each.name) not in tensors]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise InputError.at(
            ("model",), f"has {len(inputs)} inputs and {len(graph.output)} outputs, where one of each fits"
        )
    chain = Chain(_text(inputs[0].name), _sides(inputs[0]), tensors)
    for node in graph.node:
        kind = _text(node.op_type)
        if not node.output:
            raise InputError.at(("model",), f"has the node {kind[:80]}, which writes nothing")
        written = _text(node.output[0])
        if kind == "Constant":
            tensors[written] = _constant(node, numpy_helper.to_array)
        else:
            chain.follow(kind, _text(node.name) or written, list(map(_text, node.input)), written, _attributes(node))
    return chain.ended(_text(graph.output[0].name))


def _text(name: str | bytes) -> str:
    """A name; the library gives bytes where those of the file are not text."""
    return name if isinstance(name, str) else name.decode(errors="replace")


def _inside(tensor: Any, to_array: Any) -> Any:
    if tensor.external_data or tensor.data_location:
        raise InputError.at(
            ("model",), "keeps its numbers in another file: save it with them inside (save_as_external_data=False)"
        )
    try:
        return to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise MalformedBody(UNREADABLE) from error


def _constant(node: Any, to_array: Any) -> Any:
    for attribute in node.attribute:
        if _text(attribute.name) == "value":
            return _inside(attribute.t, to_array)
    raise InputError.at(("model",), f"has the constant {_text(node.output[0])[:80]} without an array")


def _attributes(node: Any) -> Mapping[str, Any]:
    """Numbers and lists of them, by name; whatever else a node says is not needed."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type == attribute.FLOAT:
            found[_text(attribute.name)] = attribute.f
        elif attribute.type == attribute.INT:
            found[_text(attribute.name)] = attribute.i
        elif attribute.type == attribute.INTS:
            found[_text(attribute.name)] = list(attribute.ints)
        elif attribute.type == attribute.STRING:
            found[_text(attribute.name)] = attribute.s.decode(errors="replace")
    return found


def _sides(value: Any) -> list[int]:
    """Sides of one sample, 0 where the file leaves them open."""
    return [side.dim_value for side in value.type.tensor_type.shape.dim][1:]
