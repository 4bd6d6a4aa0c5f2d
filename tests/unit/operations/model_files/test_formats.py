"""Files of models: the same network out of every format, and what is refused with its remedy."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from service.errors import InputError, MalformedBody, ServiceError, UnsupportedMediaType
from service.operations.model_files.formats import read_model
from service.operations.model_files.found import FoundModel
from service.operations.model_files.hints import Hints
from service.operations.model_files.sent import with_sent_model
from service.vocabulary import Activation
from tests.support.model_zoo import (
    BIASES,
    SAME,
    WEIGHTS,
    gemms,
    list_of_weights,
    npz,
    safetensors_of,
    state_dict,
)
from tests.support.wrong_models import WRONG

MAX_BYTES = 10_000_000


def read(content: bytes, hints: Hints | None = None) -> FoundModel:
    return read_model(content, hints or Hints(), MAX_BYTES)


@pytest.mark.parametrize("name", SAME)
def test_one_network_comes_out_of_every_format(name: str) -> None:
    layers = read(SAME[name]).layers
    assert len(layers) == len(WEIGHTS)
    for layer, weight, bias in zip(layers, WEIGHTS, BIASES, strict=True):
        np.testing.assert_array_equal(layer.matrix, weight)
        assert layer.bias is not None
        np.testing.assert_array_equal(layer.bias, bias)


def test_layers_follow_each_other_by_their_numbers_not_by_their_letters() -> None:
    square = {f"{index}.weight": np.full((2, 2), float(index)) for index in (0, 2, 10, 4)}
    found = read(safetensors_of(square)).layers
    assert [layer.matrix[0, 0] for layer in found] == [0.0, 2.0, 4.0, 10.0]


def test_shapes_order_layers_whose_names_do_not() -> None:
    arrays = {"decoder.weight": np.zeros((5, 2)), "encoder.weight": np.zeros((2, 3)), "head.weight": np.zeros((1, 5))}
    assert [layer.name for layer in read(safetensors_of(arrays)).layers] == ["encoder", "decoder", "head"]


def test_an_order_that_is_not_clear_is_asked_for_and_then_taken() -> None:
    # b fits only before c, and both c and d behind it
    arrays = {"d.weight": np.zeros((2, 2)), "c.weight": np.ones((2, 2)), "b.weight": np.zeros((2, 3))}
    with pytest.raises(InputError) as caught:
        read(safetensors_of(arrays))
    assert "add `order`, such as b," in caught.value.fields[0].detail
    found = read(safetensors_of(arrays), Hints(order=("b", "c", "d"))).layers
    assert [layer.name for layer in found] == ["b", "c", "d"]
    with pytest.raises(InputError, match="must name each layer"):
        read(safetensors_of(arrays), Hints(order=("b", "c")))
    with pytest.raises(InputError, match="do not chain"):
        read(safetensors_of(arrays), Hints(order=("c", "b", "d")))


def test_a_square_list_of_weights_says_which_side_is_which() -> None:
    square = npz(np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros(2))
    with pytest.raises(InputError, match="add `layout`"):
        read(square)
    assert read(square, Hints(layout="inputs_first")).layers[0].matrix.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert read(square, Hints(layout="outputs_first")).layers[0].matrix.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("kind", ["<f8", "<f4", "<f2"])
def test_numbers_of_any_precision_are_read(kind: str) -> None:
    found = read(safetensors_of(state_dict(dtype=kind))).layers
    assert found[0].matrix.tolist() == WEIGHTS[0].astype(kind).astype(float).tolist()


def test_bfloat16_is_the_upper_half_of_single_precision() -> None:
    values = np.array([[1.5, -2.0], [0.25, 3.0]], dtype=np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2")
    assert read(safetensors_of({"0.weight": halves})).layers[0].matrix.tolist() == values.tolist()


def test_batch_normalisation_is_left_out_and_said() -> None:
    arrays = state_dict() | {f"1.{name}": np.ones(4) for name in ("weight", "bias", "running_mean", "running_var")}
    found = read(safetensors_of(arrays))
    assert len(found.layers) == len(WEIGHTS)
    assert found.ignored == ("1 was left out: batch normalisation, which a merged layer would need",)


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused_with_its_reason(name: str) -> None:
    wrong = WRONG[name]
    with pytest.raises(ServiceError) as caught:
        with_sent_model(wrong.operation, wrong.document(), MAX_BYTES)
    fields = caught.value.fields if isinstance(caught.value, InputError) else ()
    assert wrong.told in " ".join([caught.value.detail, *(field.detail for field in fields)])


def test_pickles_are_never_opened_and_the_lines_that_help_are_given() -> None:
    torch_file = io.BytesIO()
    with zipfile.ZipFile(torch_file, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02c__main__\nrun\n.")
    keras_file = io.BytesIO()
    with zipfile.ZipFile(keras_file, "w") as archive:
        archive.writestr("model.weights.h5", b"")
    for content, line in (
        (torch_file.getvalue(), 'save_file(model.state_dict(), "model.safetensors")'),
        (pickle.dumps({"coefs": [1.0]}), "zip(model.coefs_, model.intercepts_)"),
        (b"\x89HDF\r\n\x1a\n" + bytes(8), "model.get_weights()"),
        (keras_file.getvalue(), "model.get_weights()"),
    ):
        with pytest.raises(UnsupportedMediaType) as caught:
            read(content)
        assert line in caught.value.detail


@pytest.mark.parametrize("content", [b"", b"\x00" * 8 + b"{", b"PK\x05\x06" + bytes(30), b"\x08" + bytes(20)])
def test_broken_files_are_no_server_errors(content: bytes) -> None:
    with pytest.raises((MalformedBody, UnsupportedMediaType, InputError)):
        read(content)


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_files_that_were_cut_are_refused(cut: int) -> None:
    for content in (safetensors_of(state_dict()), npz(*list_of_weights()), gemms("Relu")):
        with pytest.raises((MalformedBody, UnsupportedMediaType, InputError)):
            read(content[: max(1, len(content) - 1 - cut)])


def test_the_list_of_scikit_learn_may_be_named_by_its_lines() -> None:
    """The lines of the refusal, as people would type them."""
    coefs, intercepts = [weight.T for weight in WEIGHTS], list(BIASES)
    content = npz(*(part for pair in zip(coefs, intercepts, strict=True) for part in pair))
    np.testing.assert_array_equal(read(content).layers[1].matrix, WEIGHTS[1])


@pytest.mark.parametrize(
    ("kind", "activation"),
    [("Relu", Activation.RELU), ("Tanh", Activation.TANH), ("Sigmoid", Activation.SIGMOID)],
)
def test_activations_of_a_graph_are_read(kind: str, activation: Activation) -> None:
    assert [layer.activation for layer in read(gemms(kind)).layers] == [activation, None]
