"""Nodes of a graph, each reading what the one before it wrote, as layers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError
from service.operations.model_files.found import FoundLayer, FoundModel, Kernel
from service.vocabulary import Activation

Tensors: TypeAlias = Mapping[str, npt.NDArray[Any]]
ACTIVATIONS: Final[Mapping[str, Activation]] = {
    "Relu": Activation.RELU,
    "LeakyRelu": Activation.LEAKY_RELU,
    "Tanh": Activation.TANH,
    "Sigmoid": Activation.SIGMOID,
    "Softplus": Activation.SOFTPLUS,
}
KEPT: Final = ("Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Cast")
"""Nodes that only change how numbers are laid out."""
DEFAULT_SLOPE: Final = 0.01
DEFAULT_RATE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Node:
    """One node with the arrays that it reads beside what came before.

    Attributes
    ----------
    kind : str
    name : str
    arrays : list of (array or None)
        In the order of its inputs; None for what came before, or is left out.
    said : mapping
        Its attributes.
    """

    kind: str
    name: str
    arrays: list[npt.NDArray[Any] | None]
    said: Mapping[str, Any]

    def fault(self, why: str) -> InputError:
        """An error that names the node."""
        return InputError.at(("model",), f"has the node {self.kind} ({self.name[:80]}), {why}")

    def array(self, place: int) -> FloatArray:
        """The numbers at a place of its inputs, in the shape that the file gives them."""
        found = self.arrays[place] if place < len(self.arrays) else None
        if found is None or found.dtype.kind not in "fiu" or not found.size:
            raise self.fault("whose weights are not in the file")
        return np.asarray(found, dtype=np.float64)

    def whole_numbers(self, name: str, count: int, usual: int) -> list[int]:
        """A list of whole numbers that its attributes give, one an axis; the usual one where they do not."""
        found = self.said.get(name, [usual] * count)
        if not isinstance(found, list) or len(found) != count or any(number < 0 for number in found):
            raise self.fault(f"whose {name} are not {count} numbers from 0 on")
        return found

    def number(self, name: str, usual: float) -> float:
        """A number that its attributes give, or the usual one."""
        found = self.said.get(name, usual)
        if not isinstance(found, int | float) or not math.isfinite(found):
            raise self.fault(f"whose {name} is not a finite number")
        return float(found)


class Chain:
    """Layers so far, and the name of what the last one writes.

    Parameters
    ----------
    start : str
        Name of the input of the network.
    sides : list of int
        Of one sample: channels and places, or the number of inputs; 0 where unknown.
    tensors : mapping of str to array
        Arrays of the file, which may still grow.
    """

    def __init__(self, start: str, sides: list[int], tensors: Tensors) -> None:
        self._at, self._sides, self._tensors = start, sides, tensors
        self._layers: list[FoundLayer] = []
        self._ignored: list[str] = []
        self._input_dropout = 0.0
        self._over = False
        self._readers: Mapping[str, Callable[[Node, int], None]] = {
            **dict.fromkeys(ACTIVATIONS, self._activation),
            **dict.fromkeys(KEPT, lambda _node, _place: None),
            "Add": self._plus,
            "BatchNormalization": self._normalisation,
            "Conv": self._conv,
            "Dropout": self._dropout,
            "Gemm": self._gemm,
            "LogSoftmax": self._softmax,
            "MatMul": self._matmul,
            "Softmax": self._softmax,
        }

    def follow(self, kind: str, name: str, inputs: list[str], output: str, said: Mapping[str, Any]) -> None:
        """Read the next node.

        Raises
        ------
        InputError
            If it is not a layer, or reads anything else than what came before.
        """
        node = Node(kind, name, [self._tensors.get(each) for each in inputs], said)
        if inputs.count(self._at) != 1 or any(
            each and each != self._at and each not in self._tensors for each in inputs
        ):
            raise node.fault("which joins or leaves a branch: only chains of layers are read")
        if self._over:
            raise node.fault("behind the softmax of the outputs")
        read = self._readers.get(kind)
        if read is None:
            raise node.fault(f"which is not a layer of a network here: {', '.join(sorted(self._readers))} are read")
        read(node, inputs.index(self._at))
        self._at = output

    def ended(self, output: str) -> FoundModel:
        """The model; `InputError` if the chain does not end at the output."""
        if output != self._at or not self._layers:
            raise InputError.at(("model",), "has no chain of layers from its input to its output")
        return FoundModel("onnx", tuple(self._layers), tuple(self._ignored), self._input_dropout)

    def _activation(self, node: Node, _place: int) -> None:
        last = self._last(node)
        if last.activation is not None:
            raise node.fault("behind another activation")
        slope = node.number("alpha", DEFAULT_SLOPE) if node.kind == "LeakyRelu" else None
        self._layers[-1] = replace(last, activation=ACTIVATIONS[node.kind], slope=slope)

    def _gemm(self, node: Node, place: int) -> None:
        if place != 0 or node.said.get("transA", 0):
            raise node.fault("which multiplies from the left")
        matrix = node.array(1) * node.number("alpha", 1.0)
        self._add(node, matrix if node.said.get("transB", 0) else matrix.T)
        if len(node.arrays) > 2 and node.arrays[2] is not None:
            self._shift(node, node.array(2) * node.number("beta", 1.0))

    def _matmul(self, node: Node, place: int) -> None:
        if place != 0:
            raise node.fault("which multiplies from the left")
        self._add(node, node.array(1).T)

    def _plus(self, node: Node, place: int) -> None:
        last = self._last(node)
        if last.activation is not None:
            raise node.fault("which shifts what an activation wrote")
        self._shift(node, node.array(1 - place))

    def _conv(self, node: Node, _place: int) -> None:
        kernel, sides = node.array(1), self._sides
        axes = kernel.ndim - 2
        if axes < 1 or len(sides) != axes + 1 or min(sides) < 1:
            raise node.fault("whose input has sides that the file leaves open: export it with fixed sides")
        strides = node.whole_numbers("strides", axes, 1)
        if node.number("group", 1) != 1 or any(each != 1 for each in node.whole_numbers("dilations", axes, 1)):
            raise node.fault("with groups or dilations")
        if len(set(strides)) != 1 or not strides[0]:
            raise node.fault("with strides that differ between axes, or are 0")
        written = self._places(node, kernel.shape[2:], strides[0])
        if min(written) < 1:
            raise node.fault("whose kernel is larger than what it reads")
        found = Kernel(tuple(kernel.shape[2:]), kernel.shape[1], strides[0], prod(written))
        self._layers.append(FoundLayer(node.name, kernel.reshape(kernel.shape[0], -1), kernel=found))
        self._sides = [kernel.shape[0], *written]
        if len(node.arrays) > 2 and node.arrays[2] is not None:
            self._shift(node, node.array(2))

    def _places(self, node: Node, kernel: tuple[int, ...], stride: int) -> list[int]:
        """Places along each axis that a convolution writes."""
        axes, pads = len(kernel), node.whole_numbers("pads", 2 * len(kernel), 0)
        if node.said.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER"):
            return [-(-side // stride) for side in self._sides[1:]]
        return [
            (side + pads[axis] + pads[axis + axes] - kernel[axis]) // stride + 1
            for axis, side in enumerate(self._sides[1:])
        ]

    def _dropout(self, node: Node, _place: int) -> None:
        given = node.arrays[1] if len(node.arrays) > 1 else None
        rate = node.number("ratio", DEFAULT_RATE) if given is None else float(node.array(1).reshape(-1)[0])
        if self._layers:
            self._layers[-1] = replace(self._layers[-1], dropout=rate)
        else:
            self._input_dropout = rate

    def _normalisation(self, node: Node, _place: int) -> None:
        self._ignored.append(f"{node.name[:80]} was left out: batch normalisation, which a merged layer would need")

    def _softmax(self, node: Node, _place: int) -> None:
        self._over = True
        self._ignored.append(f"{node.name[:80]} was left out: cross-entropy has the softmax of the outputs in it")

    def _last(self, node: Node) -> FoundLayer:
        if not self._layers:
            raise node.fault("before the first matrix")
        return self._layers[-1]

    def _add(self, node: Node, matrix: FloatArray) -> None:
        if matrix.ndim != 2:
            raise node.fault(f"whose weights have {matrix.ndim} sides instead of two")
        self._layers.append(FoundLayer(node.name, np.ascontiguousarray(matrix)))
        self._sides = [matrix.shape[0]]

    def _shift(self, node: Node, added: FloatArray) -> None:
        last = self._layers[-1]
        rows = last.matrix.shape[0]
        if added.size not in (1, rows):
            raise node.fault(f"which adds {added.size} numbers to {rows} outputs")
        before = np.zeros(rows) if last.bias is None else last.bias
        self._layers[-1] = replace(last, bias=before + added.reshape(-1))
