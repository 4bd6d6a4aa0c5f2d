"""Nodes of a graph beside matrices: scales, dropout, convolutions, and what ends a network."""

import numpy as np
import pytest

from service.errors import InputError
from service.operations.model_files.formats import read_model
from service.operations.model_files.found import Kernel
from service.operations.model_files.hints import Hints
from tests.support.model_zoo import node, onnx_of

WEIGHT = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def test_factors_of_a_product_are_multiplied_in() -> None:
    graph = onnx_of(
        [node("Gemm", ("x", "w", "b"), "y", transB=1, alpha=2.0, beta=3.0)], {"w": WEIGHT, "b": np.ones(2)}, "y"
    )
    (layer,) = read_model(graph, Hints(), 10**6).layers
    assert layer.matrix.tolist() == (2.0 * WEIGHT).tolist()
    assert layer.bias is not None
    assert layer.bias.tolist() == [3.0, 3.0]


def test_dropout_is_noise_where_it_stands() -> None:
    graph = onnx_of(
        [
            node("Dropout", ("x", "low"), "d"),
            node("MatMul", ("d", "w"), "a"),
            node("LeakyRelu", ("a",), "b", alpha=0.2),
            node("Dropout", ("b", "high"), "c"),
            node("MatMul", ("c", "v"), "y"),
        ],
        {"low": np.array(0.1), "high": np.array(0.25), "w": WEIGHT.T, "v": np.ones((2, 1))},
        "y",
    )
    found = read_model(graph, Hints(), 10**6)
    assert found.input_dropout == pytest.approx(0.1)
    assert [layer.dropout for layer in found.layers] == [0.25, 0.0]
    assert found.layers[0].slope == pytest.approx(0.2)


def test_a_convolution_shares_its_kernel_between_places() -> None:
    graph = onnx_of(
        [
            node("Conv", ("x", "k", "b"), "a", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
            node("Relu", ("a",), "r"),
            node("Flatten", ("r",), "f"),
            node("MatMul", ("f", "w"), "y"),
        ],
        {"k": np.zeros((4, 2, 3, 3)), "b": np.zeros(4), "w": np.zeros((64, 1))},
        "y",
        ("n", 2, 8, 8),
    )
    first, last = read_model(graph, Hints(), 10**6).layers
    assert first.kernel == Kernel((3, 3), 2, 2, 16)
    assert (first.width, first.matrix.shape, last.matrix.shape) == (64, (4, 18), (1, 64))


def test_softmax_and_normalisation_are_left_out_and_said() -> None:
    arrays = {"w": WEIGHT.T} | {name: np.ones(2) for name in ("s", "t", "m", "v")}
    nodes = [
        node("MatMul", ("x", "w"), "a"),
        node("BatchNormalization", ("a", "s", "t", "m", "v"), "b"),
        node("Softmax", ("b",), "y"),
    ]
    found = read_model(onnx_of(nodes, arrays, "y"), Hints(), 10**6)
    assert [sentence.partition(" was left out")[0] for sentence in found.ignored] == [
        "BatchNormalization_b",
        "Softmax_y",
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [({"group": 2}, "groups"), ({"dilations": [2, 2]}, "dilations"), ({"strides": [1, 2]}, "differ between axes")],
)
def test_convolutions_of_other_kinds_are_refused(said: dict[str, object], why: str) -> None:
    graph = onnx_of([node("Conv", ("x", "k"), "y", **said)], {"k": np.zeros((4, 2, 3, 3))}, "y", ("n", 2, 8, 8))
    with pytest.raises(InputError, match=why):
        read_model(graph, Hints(), 10**6)


def test_a_convolution_of_an_input_of_unknown_size_is_refused() -> None:
    graph = onnx_of([node("Conv", ("x", "k"), "y")], {"k": np.zeros((4, 2, 3, 3))}, "y", ("n", 2, "h", "w"))
    with pytest.raises(InputError, match="fixed sides"):
        read_model(graph, Hints(), 10**6)
